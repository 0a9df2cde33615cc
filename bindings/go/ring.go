package pointmill

// #include "pointmill.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"

	"github.com/pointmill/pointmill/bindings/go/internal/names"
)

// Points wait here, in Go, until a ring is full or the engine is told the time: one call into C for
// ringPoints points.
//
//	Record ──▶ a ring that is free ──full, Tick, Flush, Stats, Close──▶ pointmill_record_batch
//
// A goroutine begins its search at a ring that its stack's address chooses and takes the first one
// whose lock is free, so goroutines rarely meet and never queue while any ring is free. Order within
// a context is kept only by a goroutine that stays on its ring; only gauges depend on it, and they do
// not come this way (see [Metric.Record]).
const ringPoints = 512

type ring struct {
	mu       sync.Mutex
	len      int
	closed   bool
	epoch    uint64 // the flush for which names holds ids
	names    names.Table
	contexts [ringPoints]uint64
	values   [ringPoints]float64
	_        [64]byte // the next ring's lock is on another cache line
}

// lockRing locks a ring, preferably one that nobody else holds.
func (e *Engine) lockRing() *ring {
	var here byte
	// Stacks are at least 2 KiB, so bits from there on tell goroutines apart. Only a hint.
	at := uint32(uintptr(unsafe.Pointer(&here))>>11) * 0x9E3779B1
	first := at >> (32 - e.ringBits)
	mask := uint32(len(e.rings) - 1)
	for i := range uint32(len(e.rings)) {
		r := &e.rings[(first+i)&mask]
		if r.mu.TryLock() {
			return r
		}
	}
	r := &e.rings[first]
	r.mu.Lock()
	return r
}

// push appends one point; the caller holds the lock.
func (e *Engine) push(r *ring, context uint64, value float64) {
	r.contexts[r.len] = context
	r.values[r.len] = value
	r.len++
	if r.len == ringPoints {
		e.drain(r)
	}
}

// drain hands the ring's points to the engine; the caller holds the lock. What the engine refuses
// it counts, by cause.
func (e *Engine) drain(r *ring) {
	if r.len == 0 {
		return
	}
	var rejected C.size_t
	C.pointmill_record_batch(e.c, (*C.uint64_t)(&r.contexts[0]), (*C.double)(&r.values[0]), C.size_t(r.len), &rejected)
	r.len = 0
	runtime.KeepAlive(e)
}

// drainAll hands over what every ring holds. The caller holds e.mu, so the engine is not freed meanwhile.
func (e *Engine) drainAll() {
	for i := range e.rings {
		r := &e.rings[i]
		r.mu.Lock()
		e.drain(r)
		r.mu.Unlock()
	}
}
