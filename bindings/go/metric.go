package pointmill

// #include "pointmill.h"
import "C"

import (
	"slices"
	"sync/atomic"
	"time"
	"unsafe"
)

// Metric is a held context: the fast way to record. Any number of goroutines may use it at once.
type Metric struct {
	engine *Engine
	kind   Kind
	name   string
	tags   []string
	id     atomic.Uint64
	epoch  atomic.Uint64 // the flush since which id is known to live
}

// Distribution holds the distribution with this name and set of tags ("key:value"). The order of
// tags and duplicates among them do not matter. At a limit the answer is the overflow context of
// the metric (tag pointmill.overflow:true).
func (e *Engine) Distribution(name string, tags ...string) (*Metric, error) {
	return e.Metric(KindDistribution, name, tags...)
}

// Count holds a count; see [Engine.Distribution].
func (e *Engine) Count(name string, tags ...string) (*Metric, error) {
	return e.Metric(KindCount, name, tags...)
}

// Gauge holds a gauge; see [Engine.Distribution].
func (e *Engine) Gauge(name string, tags ...string) (*Metric, error) {
	return e.Metric(KindGauge, name, tags...)
}

// Histogram holds a histogram; see [Engine.Distribution].
func (e *Engine) Histogram(name string, tags ...string) (*Metric, error) {
	return e.Metric(KindHistogram, name, tags...)
}

// Metric holds the context of this kind, name and set of tags; see [Engine.Distribution].
func (e *Engine) Metric(kind Kind, name string, tags ...string) (*Metric, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.mu.RUnlock()
	m := &Metric{engine: e, kind: kind, name: name, tags: slices.Clone(tags)}
	m.epoch.Store(e.epoch.Load())
	id, err := e.context(kind, name, m.tags)
	if err != nil {
		return nil, named(err, name, tags)
	}
	m.id.Store(id)
	return m, nil
}

// Kind is the metric's kind.
func (m *Metric) Kind() Kind { return m.kind }

// Name is the metric's name.
func (m *Metric) Name() string { return m.name }

// Tags are the metric's tags, as they were given.
func (m *Metric) Tags() []string { return slices.Clone(m.tags) }

// Record records one point in the open interval. A value that is NaN or infinite is refused and
// counted, and returns ErrNotFinite; after Close the answer is ErrClosed. Allocates nothing.
func (m *Metric) Record(value float64) error {
	e := m.engine
	if m.epoch.Load() != e.epoch.Load() {
		return m.renewed(value)
	}
	id := m.id.Load()
	if m.kind == KindGauge || !e.push(id, value) {
		return e.recordSlowly(m.kind, id, value)
	}
	if value-value != 0 {
		return ErrNotFinite
	}
	return nil
}

// renewed is Record after a flush. The first point goes to C at once: a context that has had none for long
// is given back at a flush, and one that waits in a ring does not count.
func (m *Metric) renewed(value float64) error {
	e := m.engine
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.RUnlock()
	if err := m.renew(e.epoch.Load()); err != nil {
		return err
	}
	return e.recordNow(m.id.Load(), value)
}

// recordSlowly records into a full ring, and gauges: the last value stands, so a gauge must not be
// overtaken in another ring.
func (e *Engine) recordSlowly(kind Kind, id uint64, value float64) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.RUnlock()
	if kind == KindGauge {
		return e.recordNow(id, value)
	}
	return e.pushSlowly(id, value)
}

// renew asks for the id again after a flush, at which the engine may have given it back. The caller
// holds e.mu.
func (m *Metric) renew(epoch uint64) error {
	id, err := m.engine.context(m.kind, m.name, m.tags)
	if err != nil {
		return err
	}
	m.id.Store(id)
	m.epoch.Store(epoch)
	return nil
}

// direct calls into C with the context's id while the engine is alive and the rings are drained.
func (m *Metric) direct(call func(c *C.pointmill_engine, id C.uint64_t) C.int32_t) error {
	e := m.engine
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.RUnlock()
	if epoch := e.epoch.Load(); m.epoch.Load() != epoch {
		if err := m.renew(epoch); err != nil {
			return err
		}
	}
	return check(call(e.c, C.uint64_t(m.id.Load())))
}

// RecordAt records one point in the interval that holds at. Too far in the past (option past_max_s)
// or the future (future_max_s) it is refused, counted, and ErrTooOld or ErrTooNew.
func (m *Metric) RecordAt(value float64, at time.Time) error {
	return m.direct(func(c *C.pointmill_engine, id C.uint64_t) C.int32_t {
		return C.pointmill_record_at(c, id, C.double(value), C.int64_t(at.Unix()))
	})
}

// RecordSampled records one point that stands for 1/rate points, as the Datadog Agent does.
func (m *Metric) RecordSampled(value, rate float64) error {
	return m.direct(func(c *C.pointmill_engine, id C.uint64_t) C.int32_t {
		return C.pointmill_record_sampled(c, id, C.double(value), C.double(rate))
	})
}

// RecordSampledAt is RecordSampled in the interval that holds at.
func (m *Metric) RecordSampledAt(value, rate float64, at time.Time) error {
	return m.direct(func(c *C.pointmill_engine, id C.uint64_t) C.int32_t {
		return C.pointmill_record_sampled_at(c, id, C.double(value), C.double(rate), C.int64_t(at.Unix()))
	})
}

// RecordMany records many points. Those that are not finite are refused and counted and do not stop
// the others; rejected says how many.
func (m *Metric) RecordMany(values []float64) (rejected int, err error) {
	var refused C.size_t
	err = m.direct(func(c *C.pointmill_engine, id C.uint64_t) C.int32_t {
		return C.pointmill_record_many(c, id, (*C.double)(unsafe.SliceData(values)), C.size_t(len(values)), &refused)
	})
	return int(refused), err
}

// RecordDistribution records one point by name and tags. A context that is new is made on the way;
// a known one costs a look-up in Go and allocates nothing.
func (e *Engine) RecordDistribution(name string, value float64, tags ...string) error {
	return e.RecordNamed(KindDistribution, name, value, tags...)
}

// RecordCount is [Engine.RecordDistribution] for a count.
func (e *Engine) RecordCount(name string, value float64, tags ...string) error {
	return e.RecordNamed(KindCount, name, value, tags...)
}

// RecordGauge is [Engine.RecordDistribution] for a gauge.
func (e *Engine) RecordGauge(name string, value float64, tags ...string) error {
	return e.RecordNamed(KindGauge, name, value, tags...)
}

// RecordHistogram is [Engine.RecordDistribution] for a histogram.
func (e *Engine) RecordHistogram(name string, value float64, tags ...string) error {
	return e.RecordNamed(KindHistogram, name, value, tags...)
}

// RecordNamed is [Engine.RecordDistribution] for any kind.
func (e *Engine) RecordNamed(kind Kind, name string, value float64, tags ...string) error {
	b := e.lockBook()
	id, key, known := b.names.Find(byte(kind), name, tags)
	known = known && b.epoch == e.epoch.Load()
	if !known {
		defer b.mu.Unlock()
		return e.recordUnknown(b, key, kind, name, value, tags)
	}
	b.mu.Unlock()
	if kind == KindGauge || !e.push(id, value) {
		return e.recordSlowly(kind, id, value)
	}
	if value-value != 0 {
		return ErrNotFinite
	}
	return nil
}

// recordUnknown records to a context whose id has not been asked for since the last flush, at which the
// engine may give ids back. The caller holds the book's lock.
func (e *Engine) recordUnknown(b *book, key []byte, kind Kind, name string, value float64, tags []string) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.RUnlock()
	epoch := e.epoch.Load()
	id, err := e.context(kind, name, tags)
	if err != nil {
		// Refused: by this way the engine counts the point and its cause.
		return named(e.recordNamed(kind, name, tags, value), name, tags)
	}
	if b.epoch != epoch {
		b.epoch = epoch
		b.names.Forget()
	}
	b.names.Put(key, id)
	return e.recordNow(id, value)
}
