package pointmill

// #include "pointmill.h"
import "C"

import (
	"iter"
	"runtime"
	"time"
	"unsafe"
)

// Snapshot holds the flushed values of some intervals. It is immutable: any number of goroutines may
// use it at once. It does not need its engine to live.
type Snapshot struct {
	c       *C.pointmill_snapshot
	cleanup runtime.Cleanup
}

func newSnapshot(c *C.pointmill_snapshot) *Snapshot {
	s := &Snapshot{c: c}
	s.cleanup = runtime.AddCleanup(s, func(c *C.pointmill_snapshot) { C.pointmill_snapshot_free(c) }, c)
	return s
}

// Close gives the memory back; no other call may be under way or follow. A second Close does nothing.
func (s *Snapshot) Close() error {
	if s.c != nil {
		s.cleanup.Stop()
		C.pointmill_snapshot_free(s.c)
		s.c = nil
	}
	return nil
}

// Len is the number of entries; 0 after Close.
func (s *Snapshot) Len() int {
	n := int(C.pointmill_snapshot_len(s.c))
	runtime.KeepAlive(s)
	return n
}

// Entry is one series in one interval. It is a copy and lives without the snapshot; its method
// Quantile asks the snapshot.
type Entry struct {
	Kind           Kind
	Name           string
	Tags           []string  // sorted, without duplicates
	Interval       time.Time // start of the interval
	IntervalLength time.Duration
	Series         uint32  // equal for entries of the same kind, name and tags
	Points         uint64  // recorded into this entry; a sampled one counts as one
	Value          float64 // a count's sum or a gauge's last value; 0 otherwise
	Summary                // of a distribution's or histogram's sketch: Count, Min, Max, Sum, Avg; all 0 otherwise

	snapshot *Snapshot
	index    int
}

// Entry is the i-th entry, or ErrIndex.
func (s *Snapshot) Entry(i int) (Entry, error) {
	if s.c == nil {
		return Entry{}, ErrClosed
	}
	if i < 0 {
		return Entry{}, ErrIndex
	}
	var raw C.pointmill_entry
	raw.struct_size = C.uint32_t(unsafe.Sizeof(raw))
	if err := check(C.pointmill_snapshot_entry(s.c, C.size_t(i), &raw)); err != nil {
		return Entry{}, err
	}
	entry := Entry{
		Kind: Kind(raw.kind), Name: text(raw.name),
		Interval: time.Unix(int64(raw.interval), 0).UTC(), IntervalLength: time.Duration(raw.interval_s) * time.Second,
		Series: uint32(raw.series), Points: uint64(raw.points), Value: float64(raw.value),
		Summary: summary(&raw.summary), snapshot: s, index: i,
	}
	for j := range int(raw.tags_len) {
		var tag C.pointmill_str
		if err := check(C.pointmill_snapshot_tag(s.c, C.size_t(i), C.size_t(j), &tag)); err != nil {
			return Entry{}, err
		}
		entry.Tags = append(entry.Tags, text(tag))
	}
	runtime.KeepAlive(s)
	return entry, nil
}

// Entries goes through all entries, for range loops.
func (s *Snapshot) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range s.Len() {
			entry, err := s.Entry(i)
			if err != nil || !yield(entry) {
				return
			}
		}
	}
}

// Quantile is the element of rank round(q·(count-1)) to within 1/129 of itself: 0.99 for p99.
// Counts and gauges have none: ErrNoSketch.
func (e Entry) Quantile(q float64) (float64, error) {
	if e.snapshot == nil || e.snapshot.c == nil {
		return 0, ErrClosed
	}
	var out C.double
	err := check(C.pointmill_snapshot_quantile(e.snapshot.c, C.size_t(e.index), C.double(q), &out))
	runtime.KeepAlive(e.snapshot)
	return float64(out), err
}

// Sketch is a copy of the entry's sketch; it lives without the snapshot. Counts and gauges have none.
func (e Entry) Sketch() (*Sketch, error) {
	if e.snapshot == nil || e.snapshot.c == nil {
		return nil, ErrClosed
	}
	var c *C.pointmill_sketch
	err := check(C.pointmill_snapshot_sketch(e.snapshot.c, C.size_t(e.index), &c))
	runtime.KeepAlive(e.snapshot)
	if err != nil {
		return nil, err
	}
	return newSketch(c), nil
}

// MergeSnapshots makes one snapshot of many: entries of the same kind, name, tags and interval become one.
// Sketches merge, counts add up, of two gauges that of the later snapshot stands.
func MergeSnapshots(snapshots ...*Snapshot) (*Snapshot, error) {
	list := make([]*C.pointmill_snapshot, len(snapshots))
	for i, s := range snapshots {
		if s == nil || s.c == nil {
			return nil, ErrClosed
		}
		list[i] = s.c
	}
	var c *C.pointmill_snapshot
	err := check(C.pointmill_snapshot_merge(unsafe.SliceData(list), C.size_t(len(list)), &c))
	runtime.KeepAlive(snapshots)
	if err != nil {
		return nil, err
	}
	return newSnapshot(c), nil
}

// GroupBy merges over every tag whose key is not among keys, without keys over all tags. With
// mergeIntervals every series has one entry, that of its earliest interval.
func (s *Snapshot) GroupBy(mergeIntervals bool, keys ...string) (*Snapshot, error) {
	if s.c == nil {
		return nil, ErrClosed
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	list := lend(nil, keys, &pins)
	var flags C.uint32_t
	if mergeIntervals {
		flags = C.POINTMILL_GROUP_MERGE_INTERVALS
	}
	var c *C.pointmill_snapshot
	err := check(C.pointmill_snapshot_group_by(s.c, unsafe.SliceData(list), C.size_t(len(list)), flags, &c))
	runtime.KeepAlive(s)
	if err != nil {
		return nil, err
	}
	return newSnapshot(c), nil
}

// Payload is one body, ready to be sent.
type Payload struct {
	Path        string // of the intake's route; empty for formats that do not travel by HTTP
	ContentType string
	Encoding    string // Content-Encoding; empty if the body is not compressed
	Body        []byte
	Points      uint64 // recorded into the entries of this body
	Entries     uint64
}

// Skipped is what a format cannot carry, for one cause.
type Skipped struct {
	Cause, Detail           string
	Entries, Points, Values uint64
}

// Encode writes the snapshot into bodies that keep within their route's limits. Options: format
// (intake, sketches, series_v2, distribution_points_v1, log_lines, dogstatsd), compression and the
// others of [OptionList]. Nothing vanishes: what the format cannot carry stands in skipped.
func (s *Snapshot) Encode(options Options) (payloads []Payload, skipped []Skipped, err error) {
	if s.c == nil {
		return nil, nil, ErrClosed
	}
	config, err := options.config()
	if err != nil {
		return nil, nil, err
	}
	defer C.pointmill_config_free(config)
	var c *C.pointmill_payloads
	detail := newDetail()
	err = checkDetail(C.pointmill_encode(s.c, config, &c, &detail), &detail)
	runtime.KeepAlive(s)
	if err != nil {
		return nil, nil, err
	}
	defer C.pointmill_payloads_free(c)
	for i := range int(C.pointmill_payloads_len(c)) {
		var raw C.pointmill_payload
		raw.struct_size = C.uint32_t(unsafe.Sizeof(raw))
		if err := check(C.pointmill_payloads_get(c, C.size_t(i), &raw)); err != nil {
			return nil, nil, err
		}
		payloads = append(payloads, payloadOf(&raw))
	}
	for i := 0; ; i++ {
		var raw C.pointmill_skipped
		raw.struct_size = C.uint32_t(unsafe.Sizeof(raw))
		if C.pointmill_payloads_skipped(c, C.size_t(i), &raw) != C.POINTMILL_OK {
			return payloads, skipped, nil
		}
		skipped = append(skipped, Skipped{Cause: text(raw.cause), Detail: text(raw.detail),
			Entries: uint64(raw.entries), Points: uint64(raw.points), Values: uint64(raw.values)})
	}
}

// payloadOf copies a body out of C's memory.
func payloadOf(raw *C.pointmill_payload) Payload {
	return Payload{
		Path: text(raw.path), ContentType: text(raw.content_type), Encoding: text(raw.encoding),
		Body:   append([]byte(nil), unsafe.Slice((*byte)(raw.body), int(raw.body_len))...),
		Points: uint64(raw.points), Entries: uint64(raw.entries),
	}
}
