package pointmill

// #include "pointmill.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pointmill/pointmill/bindings/go/internal/names"
	"github.com/pointmill/pointmill/bindings/go/internal/pin"
)

// Points wait here, in Go, until a ring is full or the engine is told the time: one call into C for up to
// ringPoints points.
//
//	Record ──▶ the ring of this processor ──full, Tick, Flush, Stats──▶ pointmill_record_batch
//
// There is one ring for each processor (P) of the Go scheduler. A goroutine that is pinned to its processor
// is the only one that writes there, so writing takes no lock: values first, then tail, which whoever
// drains reads first. Draining is done by anybody, one at a time. Order within a context is kept only by a
// goroutine that stays on its processor; only gauges depend on it, and they do not come this way (see
// [Metric.Record]).
const ringPoints = 512 // a power of two: positions are taken modulo it

type ring struct {
	tail     atomic.Uint32 // points ever written; by the goroutine that is pinned
	_        [60]byte      // what is written all the time lies on another cache line than what is drained
	head     atomic.Uint32 // points ever handed over; under mu
	mu       sync.Mutex
	_        [48]byte
	contexts [ringPoints]uint64
	values   [ringPoints]float64
}

// push writes one point, or answers false if this processor's ring is full or there is none.
func (e *Engine) push(context uint64, value float64) bool {
	p := pin.Pin()
	if p >= len(e.rings) {
		pin.Unpin()
		return false
	}
	r := &e.rings[p]
	tail := r.tail.Load()
	if tail-r.head.Load() == ringPoints {
		pin.Unpin()
		return false
	}
	r.contexts[tail%ringPoints] = context
	r.values[tail%ringPoints] = value
	r.tail.Store(tail + 1)
	pin.Unpin()
	return true
}

// pushSlowly makes room first. The caller keeps the engine alive.
func (e *Engine) pushSlowly(context uint64, value float64) error {
	p := pin.Pin()
	pin.Unpin() // draining takes too long to be pinned
	if p < len(e.rings) {
		e.drain(&e.rings[p])
	}
	// The goroutine may have moved to a processor whose ring is full, or there is none.
	if !e.push(context, value) {
		return e.recordNow(context, value)
	}
	if value-value != 0 {
		return ErrNotFinite
	}
	return nil
}

// drain hands the ring's points to the engine. What the engine refuses it counts, by cause. The caller
// keeps the engine alive.
func (e *Engine) drain(r *ring) {
	r.mu.Lock()
	defer r.mu.Unlock()
	head, tail := r.head.Load(), r.tail.Load()
	for head != tail {
		at := head % ringPoints
		n := min(tail-head, ringPoints-at) // up to the end of the arrays
		var rejected C.size_t
		C.pointmill_record_batch(e.c, (*C.uint64_t)(&r.contexts[at]), (*C.double)(&r.values[at]), C.size_t(n), &rejected)
		head += n
	}
	r.head.Store(head)
	runtime.KeepAlive(e)
}

// drainAll hands over what every ring holds. The caller holds e.mu, so the engine is not freed meanwhile.
func (e *Engine) drainAll() {
	for i := range e.rings {
		e.drain(&e.rings[i])
	}
}

// book remembers names. There is one for each processor, so that goroutines rarely meet at one.
type book struct {
	mu    sync.Mutex
	epoch uint64 // the flush for which names holds ids
	names names.Table
	_     [64]byte // the next one's lock is on another cache line
}

// lockBook locks the book of this processor.
func (e *Engine) lockBook() *book {
	p := pin.Pin()
	pin.Unpin() // only a hint from here on
	b := &e.books[p%len(e.books)]
	b.mu.Lock()
	return b
}
