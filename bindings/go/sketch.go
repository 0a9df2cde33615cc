package pointmill

// #include "pointmill.h"
import "C"

import (
	"encoding"
	"runtime"
	"unsafe"
)

// Sketch is a sketch of a distribution: the Datadog Agent's, bit for bit. One goroutine at a time.
type Sketch struct {
	c       *C.pointmill_sketch
	cleanup runtime.Cleanup
}

// Summary is exact, not an estimate from bins. All 0 while the sketch is empty.
type Summary struct {
	Count         uint64
	Min, Max, Sum float64
	Avg           float64 // the running mean, as the Agent computes it
}

// Format is a form of a sketch as bytes.
type Format uint32

const (
	// FormatDDSketchProto is the protobuf message of sketches-go and sketches-java: bins only; min,
	// max, sum and mean come back as estimates from them.
	FormatDDSketchProto Format = C.POINTMILL_SKETCH_DDSKETCH_PROTO
	// FormatDDSketchCompact is their compact encoding, with the exact count, sum, min and max.
	FormatDDSketchCompact Format = C.POINTMILL_SKETCH_DDSKETCH_COMPACT
	// FormatAgent is the message Dogsketch of the Agent's payloads: everything, to the last bit.
	FormatAgent Format = C.POINTMILL_SKETCH_AGENT
)

// Profile says how large the count of one bin may be on the wire.
type Profile uint32

const (
	// BinsU16 is what released Datadog Agents send.
	BinsU16 Profile = C.POINTMILL_BINS_U16
	// BinsU32 allows counts up to 4,294,967,295.
	BinsU32 Profile = C.POINTMILL_BINS_U32
)

var (
	_ encoding.BinaryMarshaler   = (*Sketch)(nil)
	_ encoding.BinaryUnmarshaler = (*Sketch)(nil)
)

func newSketch(c *C.pointmill_sketch) *Sketch {
	s := new(Sketch)
	s.own(c)
	return s
}

func (s *Sketch) own(c *C.pointmill_sketch) {
	s.c = c
	s.cleanup = runtime.AddCleanup(s, func(c *C.pointmill_sketch) { C.pointmill_sketch_free(c) }, c)
}

// NewSketch makes a sketch of these values, an empty one without any. A value that is not finite is refused
// with ErrNotFinite.
func NewSketch(values ...float64) (*Sketch, error) {
	var c *C.pointmill_sketch
	if err := check(C.pointmill_sketch_new(&c)); err != nil {
		return nil, err
	}
	s := newSketch(c)
	if err := s.InsertMany(values); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// DecodeSketch reads a sketch from bytes, which may be hostile. DDSketches of any mapping are taken.
func DecodeSketch(data []byte, format Format) (*Sketch, error) {
	c, err := decode(data, format)
	if err != nil {
		return nil, err
	}
	return newSketch(c), nil
}

func decode(data []byte, format Format) (*C.pointmill_sketch, error) {
	var c *C.pointmill_sketch
	detail := newDetail()
	status := C.pointmill_sketch_decode(C.uint32_t(format), (*C.uint8_t)(unsafe.SliceData(data)), C.size_t(len(data)), &c, &detail)
	return c, checkDetail(status, &detail)
}

// Close gives the memory back. A second Close does nothing; other calls return ErrClosed.
func (s *Sketch) Close() error {
	if s.c != nil {
		s.cleanup.Stop()
		C.pointmill_sketch_free(s.c)
		s.c = nil
	}
	return nil
}

// call runs one C call on a sketch that is open, and keeps it alive meanwhile.
func (s *Sketch) call(f func(c *C.pointmill_sketch) C.int32_t) error {
	if s.c == nil {
		return ErrClosed
	}
	err := check(f(s.c))
	runtime.KeepAlive(s)
	return err
}

// Clone makes a second sketch with the same contents.
func (s *Sketch) Clone() (*Sketch, error) {
	var c *C.pointmill_sketch
	if err := s.call(func(from *C.pointmill_sketch) C.int32_t { return C.pointmill_sketch_clone(from, &c) }); err != nil {
		return nil, err
	}
	return newSketch(c), nil
}

// Insert adds one value; NaN and infinities are refused with ErrNotFinite.
func (s *Sketch) Insert(value float64) error {
	if s.c == nil {
		return ErrClosed
	}
	status := C.pointmill_sketch_insert(s.c, C.double(value))
	runtime.KeepAlive(s)
	return check(status)
}

// InsertN adds a value n times at once.
func (s *Sketch) InsertN(value float64, n uint64) error {
	return s.call(func(c *C.pointmill_sketch) C.int32_t {
		return C.pointmill_sketch_insert_n(c, C.double(value), C.uint64_t(n))
	})
}

// InsertSampled adds a value that stands for 1/rate values.
func (s *Sketch) InsertSampled(value, rate float64) error {
	return s.call(func(c *C.pointmill_sketch) C.int32_t {
		return C.pointmill_sketch_insert_sampled(c, C.double(value), C.double(rate))
	})
}

// InsertMany adds many values: the same as one Insert each, only faster. If one of them is not finite,
// none is added.
func (s *Sketch) InsertMany(values []float64) error {
	if s.c == nil {
		return ErrClosed
	}
	status := C.pointmill_sketch_insert_many(s.c, (*C.double)(unsafe.SliceData(values)), C.size_t(len(values)))
	runtime.KeepAlive(s)
	return check(status)
}

// InsertInterpolated adds n values spread evenly over [lower, upper], as the Agent does with a bucket.
func (s *Sketch) InsertInterpolated(lower, upper float64, n uint64) error {
	return s.call(func(c *C.pointmill_sketch) C.int32_t {
		return C.pointmill_sketch_insert_interpolated(c, C.double(lower), C.double(upper), C.uint64_t(n))
	})
}

// Merge adds everything that other holds; other stays as it is.
func (s *Sketch) Merge(other *Sketch) error {
	if other == nil || other.c == nil {
		return ErrClosed
	}
	err := s.call(func(c *C.pointmill_sketch) C.int32_t { return C.pointmill_sketch_merge(c, other.c) })
	runtime.KeepAlive(other)
	return err
}

// Summary is the exact count, min, max, sum and mean.
func (s *Sketch) Summary() (Summary, error) {
	var raw C.pointmill_summary
	raw.struct_size = C.uint32_t(unsafe.Sizeof(raw))
	err := s.call(func(c *C.pointmill_sketch) C.int32_t { return C.pointmill_sketch_summary(c, &raw) })
	return summary(&raw), err
}

func summary(raw *C.pointmill_summary) Summary {
	return Summary{Count: uint64(raw.count), Min: float64(raw.min), Max: float64(raw.max),
		Sum: float64(raw.sum), Avg: float64(raw.avg)}
}

// Count is the number of values, each with its weight.
func (s *Sketch) Count() (uint64, error) {
	summary, err := s.Summary()
	return summary.Count, err
}

// Quantile is the element of rank round(q·(count-1)) to within 1/129 of itself.
func (s *Sketch) Quantile(q float64) (float64, error) {
	var out C.double
	err := s.call(func(c *C.pointmill_sketch) C.int32_t { return C.pointmill_sketch_quantile(c, C.double(q), &out) })
	return float64(out), err
}

// QuantileAgent is the quantile as the Datadog Agent computes it, to the last bit; up to 2.4 % off.
func (s *Sketch) QuantileAgent(q float64) (float64, error) {
	var out C.double
	err := s.call(func(c *C.pointmill_sketch) C.int32_t {
		return C.pointmill_sketch_quantile_agent(c, C.double(q), &out)
	})
	return float64(out), err
}

// Bins are the bins as the wire has them: keys ascending, a key whose count exceeds the profile's bin
// several times.
func (s *Sketch) Bins(profile Profile) (keys []int16, counts []uint32, err error) {
	for size := 0; ; {
		keys, counts = make([]int16, size), make([]uint32, size)
		var n C.size_t
		err = s.call(func(c *C.pointmill_sketch) C.int32_t {
			return C.pointmill_sketch_bins(c, C.uint32_t(profile), (*C.int16_t)(unsafe.SliceData(keys)),
				(*C.uint32_t)(unsafe.SliceData(counts)), C.size_t(size), &n)
		})
		if !tooSmall(err) {
			return keys[:min(int(n), size)], counts[:min(int(n), size)], err
		}
		size = int(n)
	}
}

// Encode writes the sketch as bytes.
func (s *Sketch) Encode(format Format) ([]byte, error) {
	for size := 0; ; {
		buf := make([]byte, size)
		var n C.size_t
		err := s.call(func(c *C.pointmill_sketch) C.int32_t {
			return C.pointmill_sketch_encode(c, C.uint32_t(format), (*C.uint8_t)(unsafe.SliceData(buf)), C.size_t(size), &n)
		})
		if !tooSmall(err) {
			return buf, err
		}
		size = int(n)
	}
}

func tooSmall(err error) bool {
	failed, ok := err.(*Error)
	return ok && failed.Code == C.POINTMILL_E_BUFFER_TOO_SMALL
}

// MarshalBinary is Encode with FormatAgent, which keeps everything.
func (s *Sketch) MarshalBinary() ([]byte, error) { return s.Encode(FormatAgent) }

// UnmarshalBinary replaces the contents by what MarshalBinary wrote.
func (s *Sketch) UnmarshalBinary(data []byte) error {
	c, err := decode(data, FormatAgent)
	if err != nil {
		return err
	}
	if s.c != nil {
		s.cleanup.Stop()
		C.pointmill_sketch_free(s.c)
	}
	s.own(c)
	return nil
}

// SketchKey is the key of the bin that a value falls into: the Agent's, on every platform.
func SketchKey(value float64) (int16, error) {
	var key C.int16_t
	err := check(C.pointmill_sketch_key(C.double(value), &key))
	return int16(key), err
}
