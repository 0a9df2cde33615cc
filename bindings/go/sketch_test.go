package pointmill

import (
	"bytes"
	"encoding/gob"
	"errors"
	"math"
	"slices"
	"testing"
)

func sketchOf(t testing.TB, values ...float64) *Sketch {
	t.Helper()
	s, err := NewSketch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.InsertMany(values); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSketchInsertsMergesAndAnswers(t *testing.T) {
	a, b := sketchOf(t, 1, 2, 3), sketchOf(t)
	b.Insert(4)
	b.InsertN(5, 2)
	b.InsertSampled(6, 0.5)
	b.InsertInterpolated(7, 8, 2)
	if err := a.Merge(b); err != nil {
		t.Fatal(err)
	}
	summary, err := a.Summary()
	if err != nil || summary.Count != 10 || summary.Min != 1 {
		t.Errorf("%+v, %v", summary, err)
	}
	median, err := a.Quantile(0.5)
	if err != nil || math.Abs(median-5) > 5.0/129 {
		t.Errorf("%v, %v", median, err)
	}
	if _, err := a.QuantileAgent(0.5); err != nil {
		t.Error(err)
	}
	keys, counts, err := a.Bins(BinsU16)
	if err != nil || len(keys) != len(counts) || !slices.IsSorted(keys) {
		t.Errorf("%v %v %v", keys, counts, err)
	}
	var total uint32
	for _, n := range counts {
		total += n
	}
	if total != 10 {
		t.Errorf("bins hold %d", total)
	}
	if key, err := SketchKey(1); err != nil || key != 1338 {
		t.Errorf("%v, %v", key, err)
	}
}

func TestASketchBeginsWithValues(t *testing.T) {
	s, err := NewSketch(1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if count, err := s.Count(); err != nil || count != 3 {
		t.Errorf("%v, %v", count, err)
	}
	if _, err := NewSketch(1, math.NaN()); !errors.Is(err, ErrNotFinite) {
		t.Error(err)
	}
}

func TestSketchTravelsAsBytes(t *testing.T) {
	s := sketchOf(t, 1.5, -2, 0, 1e9)
	for _, format := range []Format{FormatAgent, FormatDDSketchCompact, FormatDDSketchProto} {
		data, err := s.Encode(format)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeSketch(data, format)
		if err != nil {
			t.Fatal(err)
		}
		wantKeys, wantCounts, _ := s.Bins(BinsU32)
		keys, counts, _ := back.Bins(BinsU32)
		if !slices.Equal(keys, wantKeys) || !slices.Equal(counts, wantCounts) {
			t.Errorf("format %d: %v %v", format, keys, counts)
		}
		back.Close()
	}
	var buf bytes.Buffer
	if err := gob.NewEncoder(&buf).Encode(s); err != nil {
		t.Fatal(err)
	}
	var back Sketch
	if err := gob.NewDecoder(&buf).Decode(&back); err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	want, _ := s.Summary()
	if got, err := back.Summary(); got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSketchRefusesWhatItMust(t *testing.T) {
	s := sketchOf(t)
	_, empty := s.Quantile(0.5)
	_, hostile := DecodeSketch([]byte{0xff, 0xff, 0xff}, FormatAgent)
	_, format := DecodeSketch(nil, 99)
	closed := sketchOf(t)
	closed.Close()
	for i, c := range []struct {
		err, want error
	}{
		{empty, ErrEmpty},
		{hostile, ErrDecode},
		{format, &Error{Code: CodeFormat}},
		{s.Insert(math.NaN()), ErrNotFinite},
		{s.InsertMany([]float64{1, math.Inf(1)}), ErrNotFinite},
		{closed.Insert(1), ErrClosed},
		{closed.Close(), nil},
		{s.Merge(closed), ErrClosed},
		{s.Merge(nil), ErrClosed},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%d: %v, want %v", i, c.err, c.want)
		}
	}
	if summary, _ := s.Summary(); summary.Count != 0 {
		t.Error("a refused call changed the sketch")
	}
}
