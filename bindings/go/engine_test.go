package pointmill

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pointmill/pointmill/bindings/go/internal/names"
)

var start = time.Unix(1_700_000_000, 0)

func newEngine(t testing.TB, options Options) *Engine {
	t.Helper()
	e, err := NewEngine(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if err := e.Tick(start); err != nil {
		t.Fatal(err)
	}
	return e
}

func flush(t testing.TB, e *Engine) *Snapshot {
	t.Helper()
	s, err := e.Flush(start.Add(10*time.Second), FlushAll)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func only(t testing.TB, s *Snapshot) Entry {
	t.Helper()
	if s.Len() != 1 {
		t.Fatalf("%d entries, want 1", s.Len())
	}
	entry, err := s.Entry(0)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func balanced(t testing.TB, e *Engine) Stats {
	t.Helper()
	stats, err := e.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if !stats.Balances() {
		t.Errorf("the ledger does not balance: %+v", stats)
	}
	return stats
}

func TestDistributionAnswersPercentiles(t *testing.T) {
	e := newEngine(t, nil)
	latency, err := e.Distribution("checkout.latency", "zone:a", "env:prod", "zone:a")
	if err != nil {
		t.Fatal(err)
	}
	for ms := 1; ms <= 1000; ms++ {
		if err := latency.Record(float64(ms)); err != nil {
			t.Fatal(err)
		}
	}
	entry := only(t, flush(t, e))
	if entry.Name != "checkout.latency" || !slices.Equal(entry.Tags, []string{"env:prod", "zone:a"}) || entry.Kind != KindDistribution {
		t.Errorf("%+v", entry)
	}
	// The last bits of the mean depend on the order, and so on whether the goroutine has moved.
	if got := entry.Summary; got.Count != 1000 || got.Min != 1 || got.Max != 1000 || got.Sum != 500500 || math.Abs(got.Avg-500.5) > 1e-9 {
		t.Errorf("%+v", got)
	}
	if !entry.Interval.Equal(start) || entry.IntervalLength != 10*time.Second || entry.Points != 1000 {
		t.Errorf("%+v", entry)
	}
	p99, err := entry.Quantile(0.99)
	if err != nil || math.Abs(p99-990) > 990.0/129 {
		t.Errorf("p99 %v, %v", p99, err)
	}
	balanced(t, e)
}

func TestWhatIsHeldSaysWhatItIs(t *testing.T) {
	e := newEngine(t, nil)
	gauge, err := e.Gauge("g", "b:2", "a:1")
	if err != nil || gauge.Kind() != KindGauge || gauge.Name() != "g" || !slices.Equal(gauge.Tags(), []string{"b:2", "a:1"}) {
		t.Fatalf("%v %v %v, %v", gauge.Kind(), gauge.Name(), gauge.Tags(), err)
	}
	gauge.Record(3)
	if entry := only(t, flush(t, e)); entry.Value != 3 || entry.Count != 0 {
		t.Errorf("%+v", entry)
	}
	e.RecordDistribution("d", 4)
	if entry := only(t, flush(t, e)); entry.Count != 1 || entry.Min != 4 || entry.Max != 4 || entry.Sum != 4 || entry.Avg != 4 {
		t.Errorf("%+v", entry)
	}
}

func TestNamesInAnyOrderAreOneContext(t *testing.T) {
	e := newEngine(t, nil)
	held, _ := e.Count("hits", "a:1", "b:2")
	held.Record(1)
	e.RecordCount("hits", 2, "b:2", "a:1")
	e.RecordCount("hits", 4, "a:1", "b:2")
	if entry := only(t, flush(t, e)); entry.Value != 7 || entry.Points != 3 {
		t.Errorf("%+v", entry)
	}
}

func TestTextsThatOnlyLookAlikeAreApart(t *testing.T) {
	e := newEngine(t, nil)
	e.RecordCount("a", 1, "bc")
	e.RecordCount("ab", 1, "c")
	e.RecordCount("abc", 1)
	e.RecordGauge("a", 1, "bc")
	if n := flush(t, e).Len(); n != 4 {
		t.Errorf("%d entries, want 4", n)
	}
}

func TestGaugeKeepsTheLastValueOfTheProgram(t *testing.T) {
	e := newEngine(t, nil)
	g, _ := e.Gauge("depth")
	for i := range 1000 {
		g.Record(float64(i))
		e.RecordGauge("depth", float64(i)+0.5)
	}
	if entry := only(t, flush(t, e)); entry.Value != 999.5 {
		t.Errorf("%v", entry.Value)
	}
}

func TestRefusedPointsAreErrorsAndCounted(t *testing.T) {
	e := newEngine(t, nil)
	d, _ := e.Distribution("d")
	long := strings.Repeat("x", 10_000)
	for _, c := range []struct {
		err, want error
	}{
		{d.Record(math.NaN()), ErrNotFinite},
		{d.Record(math.Inf(-1)), ErrNotFinite},
		{e.RecordCount("c", math.Inf(1), "a:b"), ErrNotFinite},
		{e.RecordGauge("g", math.NaN()), ErrNotFinite},
		{e.RecordDistribution("", 1), ErrInvalidName},
		{e.RecordDistribution(long, 1), ErrInvalidName},
		{e.RecordDistribution("d", 1, long), ErrInvalidName},
		{d.RecordAt(1, start.Add(-1000*time.Hour)), ErrTooOld},
		{d.RecordAt(1, start.Add(1000*time.Hour)), ErrTooNew},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%v, want %v", c.err, c.want)
		}
	}
	d.Record(1)
	stats := balanced(t, e)
	if stats.Recorded != 10 || stats.RejectedNotFinite != 4 || stats.RejectedInvalidName != 3 || stats.RejectedTooOld != 1 || stats.RejectedTooNew != 1 {
		t.Errorf("%+v", stats)
	}
	if entry := only(t, flush(t, e)); entry.Summary.Count != 1 {
		t.Errorf("the valid point: %+v", entry)
	}
}

func TestOptionErrorsNameTheOption(t *testing.T) {
	for options, want := range map[*Options]error{
		{"contexts_maxx": "1"}:      ErrUnknownOption,
		{"contexts_max": "many"}:    ErrBadValue,
		{"contexts_max": "1\x00 2"}: ErrBadValue,
	} {
		_, err := NewEngine(*options)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "contexts_max") {
			t.Errorf("%v: %v", *options, err)
		}
	}
	if list := OptionList(); !slices.ContainsFunc(list, func(o Option) bool {
		return o.Name == "format" && len(o.Choices) > 3 && o.Doc != "" && o.Type == "choice"
	}) {
		t.Errorf("%+v", list)
	}
}

func TestManyGoroutinesLoseNothing(t *testing.T) {
	// Flushes here are some microseconds apart, so the default number of them passes while a goroutine
	// waits for its turn between looking at its id and writing; its point would be counted as stale.
	e := newEngine(t, Options{"idle_flushes": "1000000"})
	d, _ := e.Distribution("d", "held:yes")
	const goroutines, points = 8, 20_000
	var recorders, flusher sync.WaitGroup
	var flushed uint64
	done := make(chan struct{})
	flusher.Go(func() {
		for i := 0; ; i++ {
			s, err := e.Flush(start.Add(time.Duration(i)*time.Second), FlushAll)
			if err != nil {
				t.Error(err)
				return
			}
			for entry := range s.Entries() {
				flushed += entry.Points
			}
			s.Close()
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for g := range goroutines {
		recorders.Go(func() {
			for i := range points {
				d.Record(float64(i))
				e.RecordCount("c", 1, "g:"+fmt.Sprint(g), "i:"+fmt.Sprint(i%10))
			}
		})
	}
	recorders.Wait()
	close(done)
	flusher.Wait()
	s := flush(t, e)
	for entry := range s.Entries() {
		flushed += entry.Points
	}
	stats := balanced(t, e)
	if want := uint64(2 * goroutines * points); stats.Recorded != want || flushed != want || stats.RejectedStale != 0 || stats.DroppedStale != 0 {
		t.Errorf("recorded %d, flushed %d, want %d: %+v", stats.Recorded, flushed, want, stats)
	}
}

// GOMAXPROCS may grow after the engine was made; processors without a ring hand over one by one.
func TestProcessorsWithoutARing(t *testing.T) {
	e := newEngine(t, nil)
	e.rings = e.rings[:0]
	d, _ := e.Distribution("d")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 1000 {
				if err := d.Record(float64(i)); err != nil {
					t.Error(err)
				}
				if err := e.RecordCount("c", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := d.Record(math.NaN()); !errors.Is(err, ErrNotFinite) {
		t.Error(err)
	}
	if stats := balanced(t, e); stats.Recorded != 8001 || stats.Pending != 8000 {
		t.Errorf("%+v", stats)
	}
}

func TestAFullRingIsHandedOver(t *testing.T) {
	e := newEngine(t, nil)
	c, _ := e.Count("c")
	const points = 5*ringPoints + 7
	for range points {
		c.Record(1)
	}
	if entry := only(t, flush(t, e)); entry.Value != points || entry.Points != points {
		t.Errorf("%+v", entry)
	}
	// A value that is refused, into a ring that is full.
	c.Record(1)
	for i := range e.rings {
		r := &e.rings[i]
		for r.tail.Load()-r.head.Load() < ringPoints {
			at := r.tail.Load()
			r.contexts[at%ringPoints], r.values[at%ringPoints] = c.id.Load(), 1
			r.tail.Store(at + 1)
		}
	}
	if err := c.Record(math.Inf(1)); !errors.Is(err, ErrNotFinite) {
		t.Error(err)
	}
	if stats := balanced(t, e); stats.RejectedNotFinite != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestHeldMetricsOutliveTheirContexts(t *testing.T) {
	e := newEngine(t, Options{"idle_flushes": "2"})
	d, _ := e.Count("quiet")
	e.RecordCount("quiet", 1, "by:name")
	for i := range 6 {
		s, err := e.Flush(start.Add(time.Duration(10*i)*time.Second), FlushAll)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	if stats := balanced(t, e); stats.ContextsExpired == 0 {
		t.Fatalf("the context has not expired, so this tests nothing: %+v", stats)
	}
	if err := d.Record(3); err != nil {
		t.Fatal(err)
	}
	if err := e.RecordCount("quiet", 1, "by:name"); err != nil {
		t.Fatal(err)
	}
	if stats := balanced(t, e); stats.RejectedStale != 0 || stats.Pending != 2 {
		t.Errorf("%+v", stats)
	}
}

func TestNamesRememberedAreBounded(t *testing.T) {
	e := newEngine(t, nil)
	for i := range 3 * names.Max * len(e.books) {
		if err := e.RecordCount("c", 1, "i:"+fmt.Sprint(i%(2*names.Max))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range e.books {
		if n := e.books[i].names.Len(); n > names.Max {
			t.Errorf("book %d remembers %d names", i, n)
		}
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	e := newEngine(t, nil)
	d, _ := e.Distribution("d")
	g, _ := e.Gauge("g")
	tags := []string{"a:1", "b:2"}
	for name, record := range map[string]func(){
		"held":    func() { d.Record(1) },
		"gauge":   func() { g.Record(1) },
		"by name": func() { e.RecordDistribution("n", 1, tags...) },
		"bad":     func() { d.Record(math.NaN()) },
	} {
		record()
		if n := testing.AllocsPerRun(2000, record); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestUseAfterCloseIsAnError(t *testing.T) {
	e := newEngine(t, nil)
	d, _ := e.Distribution("d")
	d.Record(1)
	s := flush(t, e)
	entry := only(t, s)
	// Known since the last flush, so that nothing but Close makes them look again.
	d.Record(1)
	e.RecordCount("c", 1)
	e.Close()
	if err := e.Close(); err != nil {
		t.Error("second Close:", err)
	}
	_, errFlush := e.Flush(start, FlushAll)
	_, errStats := e.Stats()
	_, errMetric := e.Count("x")
	for i, err := range []error{d.Record(1), d.RecordAt(1, start), e.RecordCount("c", 1), errFlush, errStats, errMetric, e.Tick(start)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if _, err := entry.Quantile(0.5); err != nil {
		t.Error("a snapshot lives without its engine:", err)
	}
	s.Close()
	if _, err := entry.Quantile(0.5); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestCloseWhileRecordingIsSafe(t *testing.T) {
	for range 20 {
		e, err := NewEngine(nil)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := e.Distribution("d")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					if err := d.Record(1); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		runtime.Gosched()
		e.Close()
		wg.Wait()
	}
}

func TestForgottenObjectsAreCollected(t *testing.T) {
	// Under the address sanitizer or valgrind this would show a double free; here, that nothing is used after it.
	for range 50 {
		e, err := NewEngine(Options{"arena_bytes": "4194304", "contexts_max": "100"})
		if err != nil {
			t.Fatal(err)
		}
		d, _ := e.Distribution("d")
		e = nil
		for i := range 2000 {
			if err := d.Record(float64(i)); err != nil {
				t.Fatal(err)
			}
			if i%500 == 0 {
				runtime.GC()
			}
		}
	}
}

func TestEncodeAccountsForEveryPoint(t *testing.T) {
	e := newEngine(t, nil)
	e.RecordDistribution("d", 5, "a:b")
	e.RecordCount("c", 2)
	s := flush(t, e)
	payloads, skipped, err := s.Encode(Options{"format": "sketches", "compression": "none"})
	if err != nil || len(payloads) != 1 || payloads[0].Points != 1 || payloads[0].Path != "/api/beta/sketches" || len(payloads[0].Body) == 0 {
		t.Errorf("%+v, %v", payloads, err)
	}
	if len(skipped) != 1 || skipped[0].Points != 1 || skipped[0].Detail == "" {
		t.Errorf("%+v", skipped)
	}
	if _, _, err := s.Encode(Options{"format": "xml"}); !errors.Is(err, ErrBadValue) {
		t.Error(err)
	}
}

func TestSnapshotsMergeAndGroup(t *testing.T) {
	e := newEngine(t, nil)
	e.RecordCount("c", 1, "env:prod", "host:a")
	a := flush(t, e)
	e.RecordCount("c", 2, "env:prod", "host:b")
	b := flush(t, e)
	all, err := MergeSnapshots(a, b)
	if err != nil || all.Len() != 2 {
		t.Fatal(err)
	}
	defer all.Close()
	grouped, err := all.GroupBy(true, "env")
	if err != nil {
		t.Fatal(err)
	}
	defer grouped.Close()
	if entry := only(t, grouped); entry.Value != 3 || !slices.Equal(entry.Tags, []string{"env:prod"}) {
		t.Errorf("%+v", entry)
	}
	if _, err := only(t, grouped).Quantile(0.5); !errors.Is(err, ErrNoSketch) {
		t.Error(err)
	}
	if _, err := all.Entry(2); !errors.Is(err, ErrIndex) {
		t.Error(err)
	}
	if _, err := all.Entry(-1); !errors.Is(err, ErrIndex) {
		t.Error(err)
	}
}
