package pointmill

// #include "pointmill.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Kind says what becomes of a context's points.
type Kind uint32

const (
	// KindDistribution: values go into a sketch that the receiver can merge and query.
	KindDistribution Kind = C.POINTMILL_DISTRIBUTION
	// KindCount: values are added up.
	KindCount Kind = C.POINTMILL_COUNT
	// KindGauge: the last value of an interval stands.
	KindGauge Kind = C.POINTMILL_GAUGE
	// KindHistogram: a sketch of which avg, count, median, 95percentile and max are sent.
	KindHistogram Kind = C.POINTMILL_HISTOGRAM
)

func (k Kind) String() string {
	switch k {
	case KindDistribution:
		return "distribution"
	case KindCount:
		return "count"
	case KindGauge:
		return "gauge"
	case KindHistogram:
		return "histogram"
	}
	return "unknown kind"
}

// Engine aggregates points. Any number of goroutines may use it at once.
type Engine struct {
	c     *C.pointmill_engine
	rings []ring
	books []book
	// Flushes so far. A context id is asked for again after each, so that ids that the engine gave
	// back after their idle time are never used.
	epoch   atomic.Uint64
	_       [64]byte     // what every record reads lies on another cache line than what some write
	mu      sync.RWMutex // held while C works on the engine; written by Close
	closed  bool
	cleanup runtime.Cleanup
}

// NewEngine makes an engine. Options that are nil or not named stand at their defaults; an unknown
// option or a value that it does not allow is an error that says what is allowed.
func NewEngine(options Options) (*Engine, error) {
	config, err := options.config()
	if err != nil {
		return nil, err
	}
	defer C.pointmill_config_free(config)
	e := new(Engine)
	detail := newDetail()
	if err := checkDetail(C.pointmill_engine_new(config, &e.c, &detail), &detail); err != nil {
		return nil, err
	}
	// GOMAXPROCS may grow, by default up to the number of CPUs; beyond that points go to C one by one.
	processors := max(runtime.GOMAXPROCS(0), runtime.NumCPU())
	e.rings, e.books = make([]ring, processors), make([]book, processors)
	e.cleanup = runtime.AddCleanup(e, func(c *C.pointmill_engine) { C.pointmill_engine_free(c) }, e.c)
	return e, nil
}

// Close frees the engine. Points that were not flushed are lost: Flush with FlushAll first. Snapshots
// live on. Further calls return ErrClosed; a second Close does nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	e.epoch.Add(1) // metrics look up their id again, and find the engine closed
	e.cleanup.Stop()
	C.pointmill_engine_free(e.c)
	e.c = nil
	return nil
}

// enter keeps the engine alive for a call; the caller unlocks e.mu for reading.
func (e *Engine) enter() error {
	e.mu.RLock()
	if e.closed {
		e.mu.RUnlock()
		return ErrClosed
	}
	return nil
}

// Tick tells the engine the time: points that come from now on belong to the interval that holds it.
// Call it at least once an interval if flushes are rarer.
func (e *Engine) Tick(now time.Time) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.RUnlock()
	e.drainAll()
	return check(C.pointmill_tick(e.c, C.int64_t(now.Unix())))
}

// FlushWhich says which intervals a flush takes.
type FlushWhich uint32

const (
	// FlushClosed takes the intervals that have ended.
	FlushClosed FlushWhich = 0
	// FlushAll takes the open ones too: before the program ends, or in tests.
	FlushAll FlushWhich = C.POINTMILL_FLUSH_ALL
)

// Flush takes the points of the intervals that have ended by now, with FlushAll those of the open
// ones too. Recording goes on meanwhile. Without points the snapshot is empty.
func (e *Engine) Flush(now time.Time, which FlushWhich) (*Snapshot, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.mu.RUnlock()
	// Before and after: an id asked for before the flush is not taken for one asked for after it.
	e.epoch.Add(1)
	defer e.epoch.Add(1)
	e.drainAll()
	var c *C.pointmill_snapshot
	if err := check(C.pointmill_flush(e.c, C.int64_t(now.Unix()), C.uint32_t(which), &c)); err != nil {
		return nil, err
	}
	return newSnapshot(c), nil
}

// Stats is the ledger, in points unless the name says otherwise:
// Recorded = Flushed + Pending + every Rejected… + every Dropped….
type Stats struct {
	Recorded, Flushed, Pending                                                                            uint64
	RejectedNotFinite, RejectedStale, RejectedTooOld, RejectedTooNew, RejectedInvalidName, RejectedNoRoom uint64
	DroppedArenaFull, DroppedStale                                                                        uint64
	Overflowed                                                                                            uint64 // kept their value, lost their tags to a limit
	Contexts, ContextsExpired, ContextsRefused, Flushes, UTF8Mended                                       uint64
	ArenaUsedBytes, ArenaBytes                                                                            uint64
}

// Balances says whether every point is accounted for; true while no other call is under way.
func (s Stats) Balances() bool {
	return s.Recorded == s.Flushed+s.Pending+s.RejectedNotFinite+s.RejectedStale+s.RejectedTooOld+
		s.RejectedTooNew+s.RejectedInvalidName+s.RejectedNoRoom+s.DroppedArenaFull+s.DroppedStale
}

// Stats says what became of every point so far.
func (e *Engine) Stats() (Stats, error) {
	if err := e.enter(); err != nil {
		return Stats{}, err
	}
	defer e.mu.RUnlock()
	e.drainAll()
	var c C.pointmill_engine_stats
	c.struct_size = C.uint32_t(unsafe.Sizeof(c))
	if err := check(C.pointmill_stats(e.c, &c)); err != nil {
		return Stats{}, err
	}
	return Stats{
		Recorded: uint64(c.recorded), Flushed: uint64(c.flushed), Pending: uint64(c.pending),
		RejectedNotFinite: uint64(c.rejected_not_finite), RejectedStale: uint64(c.rejected_stale),
		RejectedTooOld: uint64(c.rejected_too_old), RejectedTooNew: uint64(c.rejected_too_new),
		RejectedInvalidName: uint64(c.rejected_invalid_name), RejectedNoRoom: uint64(c.rejected_no_room),
		DroppedArenaFull: uint64(c.dropped_arena_full), DroppedStale: uint64(c.dropped_stale),
		Overflowed: uint64(c.overflowed), Contexts: uint64(c.contexts), ContextsExpired: uint64(c.contexts_expired),
		ContextsRefused: uint64(c.contexts_refused), Flushes: uint64(c.flushes), UTF8Mended: uint64(c.utf8_mended),
		ArenaUsedBytes: uint64(c.arena_used_bytes), ArenaBytes: uint64(c.arena_bytes),
	}, nil
}

// lend hands texts to one C call. The array of pointers lies in Go's memory, so what it points to
// is pinned until the call has returned.
func lend(few []C.pointmill_str, texts []string, pins *runtime.Pinner) []C.pointmill_str {
	for _, text := range texts {
		few = append(few, borrow(text))
		if text != "" {
			pins.Pin(unsafe.StringData(text))
		}
	}
	return few
}

// context asks the engine for an id; the caller holds e.mu, so that it is alive.
func (e *Engine) context(kind Kind, name string, tags []string) (uint64, error) {
	var few [16]C.pointmill_str
	var pins runtime.Pinner
	defer pins.Unpin()
	list := lend(few[:0], tags, &pins)
	var id C.uint64_t
	status := C.pointmill_context(e.c, C.uint32_t(kind), borrow(name), unsafe.SliceData(list), C.size_t(len(list)), &id)
	runtime.KeepAlive(e)
	return uint64(id), check(status)
}

// recordNamed records by name, without a ring; the caller as for context.
func (e *Engine) recordNamed(kind Kind, name string, tags []string, value float64) error {
	var few [17]C.pointmill_str
	var pins runtime.Pinner
	defer pins.Unpin()
	list := lend(lend(few[:0], []string{name}, &pins), tags, &pins)
	status := C.pointmill_record_named(e.c, C.uint32_t(kind), unsafe.SliceData(list), C.size_t(len(list)), C.double(value))
	runtime.KeepAlive(e)
	return check(status)
}

// recordNow records without a ring; the caller as for context.
func (e *Engine) recordNow(id uint64, value float64) error {
	status := C.pointmill_record(e.c, C.uint64_t(id), C.double(value))
	runtime.KeepAlive(e)
	return check(status)
}
