package pointmill

import (
	"sync"
	"testing"
	"time"
)

func BenchmarkHeld(b *testing.B) {
	e := newEngine(b, nil)
	d, _ := e.Distribution("d", "a:1", "b:2")
	b.ReportAllocs()
	for i := range b.N {
		d.Record(float64(i&1023) + 1)
	}
	b.StopTimer()
	if stats := balanced(b, e); stats.Recorded != uint64(b.N) {
		b.Fatal(stats)
	}
}

// The time a goroutine spends on one record while another does the same.
func BenchmarkHeldTwoGoroutines(b *testing.B) {
	e := newEngine(b, nil)
	d, _ := e.Distribution("d", "a:1", "b:2")
	var wg sync.WaitGroup
	b.ResetTimer()
	for range 2 {
		wg.Go(func() {
			for i := range b.N {
				d.Record(float64(i&1023) + 1)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if stats := balanced(b, e); stats.Recorded != uint64(2*b.N) {
		b.Fatal(stats)
	}
}

// The same with an engine for each: what two goroutines cost each other on this machine anyway.
func BenchmarkHeldTwoEngines(b *testing.B) {
	var wg sync.WaitGroup
	engines := []*Engine{newEngine(b, nil), newEngine(b, nil)}
	b.ResetTimer()
	for _, e := range engines {
		wg.Go(func() {
			d, _ := e.Distribution("d", "a:1", "b:2")
			for i := range b.N {
				d.Record(float64(i&1023) + 1)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	for _, e := range engines {
		if stats := balanced(b, e); stats.Recorded != uint64(b.N) {
			b.Fatal(stats)
		}
	}
}

func BenchmarkNamedTwoTags(b *testing.B) {
	e := newEngine(b, nil)
	b.ReportAllocs()
	for i := range b.N {
		e.RecordDistribution("request.duration", float64(i&1023)+1, "route:/cart", "env:prod")
	}
}

func BenchmarkFlush1000Points20Contexts(b *testing.B) {
	e := newEngine(b, nil)
	tags := []string{"a:0", "b:1", "c:2", "d:3", "e:4", "f:5", "g:6", "h:7", "i:8", "j:9"}
	for i := range b.N {
		for j := range 1000 {
			e.RecordDistribution("d", float64(j), tags[j%10], tags[j/500])
		}
		s, err := e.Flush(start.Add(time.Duration(i)*time.Second), FlushAll)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := s.Encode(nil); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
