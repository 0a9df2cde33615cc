package pointmill

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pointmill/pointmill/bindings/go/internal/header"
)

// Longer than anything takes on a busy machine; waits end when their condition holds.
const patience = 60 * time.Second

// intake keeps what it gets and answers what it is told to.
type intake struct {
	*httptest.Server
	status atomic.Int32
	hold   chan struct{} // if not nil, answers wait until it is closed

	mu     sync.Mutex
	paths  []string
	keys   []string
	bodies [][]byte
}

func newIntake(t testing.TB) *intake {
	in := new(intake)
	in.status.Store(202)
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		in.paths = append(in.paths, r.URL.Path)
		in.keys = append(in.keys, r.Header.Get("DD-API-KEY"))
		in.bodies = append(in.bodies, body)
		in.mu.Unlock()
		if in.hold != nil {
			<-in.hold
		}
		w.WriteHeader(int(in.status.Load()))
		io.WriteString(w, "{}")
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *intake) requests() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.bodies)
}

// values are all values of all distribution points that have been taken, sorted.
func (in *intake) values(t testing.TB) (values []float64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, body := range in.bodies {
		var message struct {
			Series []struct{ Points [][2]json.RawMessage }
		}
		if err := json.Unmarshal(body, &message); err != nil {
			t.Fatal(err)
		}
		for _, series := range message.Series {
			for _, point := range series.Points {
				var some []float64
				if err := json.Unmarshal(point[1], &some); err != nil {
					t.Fatal(err)
				}
				values = append(values, some...)
			}
		}
	}
	slices.Sort(values)
	return values
}

// options for a client of the intake whose bodies a test can read.
func (in *intake) options(more Options) Options {
	options := Options{"url": in.URL, "api_key": "k", "format": "distribution_points_v1", "compression": "none", "background": "false"}
	for name, value := range more {
		options[name] = value
	}
	return options
}

func newClient(t testing.TB, engine *Engine, options Options, send SendFunc) *Client {
	t.Helper()
	client, err := NewClientWith(engine, options, send)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		client.Close(ended)
	})
	return client
}

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for start := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatal("not within the time: ", what)
		}
	}
}

func delivered(t testing.TB, client *Client) ClientStats {
	t.Helper()
	stats := client.Stats()
	if !stats.Balances() {
		t.Errorf("the ledger of delivery does not balance: %+v", stats)
	}
	return stats
}

func TestWhatIsRecordedArrives(t *testing.T) {
	in := newIntake(t)
	client := newClient(t, nil, in.options(nil), nil)
	d, err := client.Engine().Distribution("d", "a:1")
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		d.Record(float64(i))
	}
	client.Engine().RecordCount("c", 1)
	// This format has no counts, and says so.
	if err := client.Flush(patient(t), FlushAll); !errors.Is(err, ErrDeliveryDropped) {
		t.Error(err)
	}
	d.Record(4)
	if err := client.Flush(patient(t), FlushAll); err != nil {
		t.Error(err)
	}
	if stats := delivered(t, client); stats.Accepted != 4 || stats.SkippedScalarInSketchFormat != 1 || stats.Flushed != 5 {
		t.Errorf("%+v", stats)
	}
	values := in.values(t)
	if len(values) != 4 {
		t.Fatal(values)
	}
	for i, value := range values {
		if want := float64(i + 1); math.Abs(value-want) > want/129 {
			t.Errorf("%v, want %v", value, want)
		}
	}
	if in.paths[0] != "/api/v1/distribution_points" || in.keys[0] != "k" {
		t.Error(in.paths, in.keys)
	}
}

func TestWhatCannotBeDeliveredIsKeptOrTold(t *testing.T) {
	in := newIntake(t)
	client := newClient(t, nil, in.options(Options{"retry_base_ms": "1", "retry_max_ms": "1"}), nil)
	in.status.Store(503)
	client.Engine().RecordDistribution("d", 1)
	// A busy machine may need more than one attempt to hear of the 503.
	eventually(t, "an attempt has failed", func() bool {
		if err := client.flush(FlushAll, 50*time.Millisecond); !errors.Is(err, ErrDeliveryLater) {
			t.Error(err)
		}
		return strings.Contains(client.LastFailure(), "503")
	})
	if stats := client.Stats(); stats.Queued != 1 || stats.Accepted != 0 {
		t.Errorf("%+v", stats)
	}
	in.status.Store(403)
	if err := client.Flush(patient(t), FlushAll); !errors.Is(err, ErrDeliveryDropped) || !strings.Contains(err.Error(), "403") {
		t.Error(err)
	}
	in.status.Store(202)
	client.Engine().RecordDistribution("d", 1)
	if err := client.Close(patient(t)); err != nil {
		t.Error(err)
	}
	if stats := delivered(t, client); stats.DroppedForbidden != 1 || stats.Accepted != 1 {
		t.Errorf("%+v", stats)
	}
	if err := client.Flush(patient(t), FlushAll); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := client.Close(patient(t)); err != nil {
		t.Error("second Close:", err)
	}
	if _, err := client.Engine().Stats(); !errors.Is(err, ErrClosed) {
		t.Error("its own engine is closed with it:", err)
	}
}

func TestAContextThatEndsLosesNothing(t *testing.T) {
	in := newIntake(t)
	in.hold = make(chan struct{})
	client := newClient(t, nil, in.options(nil), nil)
	client.Engine().RecordDistribution("d", 7)
	ctx, cancel := context.WithCancelCause(context.Background())
	answer := make(chan error)
	go func() { answer <- client.Flush(ctx, FlushAll) }()
	eventually(t, "the request is under way", func() bool { return in.requests() == 1 })
	why := errors.New("nobody waits any more")
	cancel(why)
	if err := <-answer; !errors.Is(err, why) || !errors.Is(err, ErrDeliveryLater) {
		t.Error(err)
	}
	if err := client.Flush(ctx, FlushAll); !errors.Is(err, why) {
		t.Error("a context that has ended:", err)
	}
	if client.Stats().Accepted != 0 {
		t.Error("the intake has not answered yet")
	}
	close(in.hold)
	// The attempt went on meanwhile.
	eventually(t, "the point has arrived", func() bool { return client.Stats().Accepted == 1 })
	if err := client.Close(patient(t)); err != nil {
		t.Error(err)
	}
	if stats := delivered(t, client); stats.Dropped != 0 || len(in.values(t)) != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestClosingWithoutTimePutsAsideOrCounts(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	folder := t.TempDir()
	for _, spool := range []string{"", folder} {
		in := newIntake(t)
		client := newClient(t, nil, in.options(Options{"spool_dir": spool}), nil)
		client.Engine().RecordDistribution("d", 1)
		err := client.Close(ended)
		stats := delivered(t, client)
		if in.requests() != 0 {
			t.Error("no time, and yet a request")
		}
		if spool == "" && (!errors.Is(err, ErrDeliveryDropped) || stats.DroppedClosed != 1) {
			t.Errorf("%v %+v", err, stats)
		}
		if spool != "" && (!errors.Is(err, ErrDeliveryLater) || stats.Spooled != 1) {
			t.Errorf("%v %+v", err, stats)
		}
	}
	in := newIntake(t)
	heir := newClient(t, nil, in.options(Options{"spool_dir": folder}), nil)
	if err := heir.Flush(patient(t), FlushAll); err != nil {
		t.Error(err)
	}
	if stats := delivered(t, heir); stats.Adopted != 1 || stats.Accepted != 1 || len(in.values(t)) != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestAFunctionInsteadOfADestination(t *testing.T) {
	var calls []Payload
	send := func(ctx context.Context, payload Payload) int {
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > patience {
			t.Error("the attempt has no limit")
		}
		calls = append(calls, payload)
		switch len(calls) {
		case 1:
			return 503
		case 2:
			panic("a bug of the caller's")
		}
		return 200
	}
	client := newClient(t, nil, Options{"background": "false", "retry_base_ms": "1", "retry_max_ms": "1"}, send)
	client.Engine().RecordDistribution("d", 1)
	if err := client.Flush(patient(t), FlushAll); err != nil {
		t.Error(err)
	}
	if len(calls) != 3 || calls[2].Points != 1 || calls[2].Path != "/api/beta/sketches" || len(calls[2].Body) == 0 {
		t.Errorf("%+v", calls)
	}
	if stats := delivered(t, client); stats.Accepted != 1 || stats.Requests != 3 {
		t.Errorf("%+v", stats)
	}
}

func TestTheBackgroundDelivers(t *testing.T) {
	in := newIntake(t)
	client := newClient(t, nil, in.options(Options{"background": "true", "flush_interval_s": "1", "interval_s": "1"}), nil)
	d, _ := client.Engine().Distribution("d")
	d.Record(1)
	eventually(t, "a request without a call", func() bool { return in.requests() > 0 })
	d.Record(2)
	eventually(t, "a second one", func() bool { return client.Stats().Accepted == 2 })
	if err := client.Close(patient(t)); err != nil {
		t.Error(err)
	}
}

// Points wait in rings in Go. They must be handed over before the engine hears of the next interval, or
// they would be counted into it.
func TestPointsBelongToTheIntervalTheyWereRecordedIn(t *testing.T) {
	in := newIntake(t)
	client := newClient(t, nil, in.options(Options{"interval_s": "1"}), nil)
	began := time.Now()
	if err := client.Engine().Tick(began); err != nil {
		t.Fatal(err)
	}
	client.Engine().RecordDistribution("d", 1)
	eventually(t, "the interval is over", func() bool { return time.Now().Unix() > began.Unix() })
	if err := client.Flush(patient(t), FlushClosed); err != nil {
		t.Fatal(err)
	}
	if in.requests() != 1 || !strings.Contains(string(in.bodies[0]), strconv.FormatInt(began.Unix(), 10)) {
		t.Errorf("recorded at %d: %s", began.Unix(), in.bodies)
	}
}

func TestGoroutinesEndWithClose(t *testing.T) {
	in := newIntake(t)
	runtime.GC()
	before := runtime.NumGoroutine()
	for range 20 {
		client, err := NewClient(in.options(Options{"background": "true"}))
		if err != nil {
			t.Fatal(err)
		}
		client.Engine().RecordDistribution("d", 1)
		if err := client.Close(patient(t)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-client.rested:
		default:
			t.Error("Close has returned, and its goroutine still runs")
		}
	}
	in.CloseClientConnections()
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}

func TestFlushesAndCloseAtOnce(t *testing.T) {
	for range 20 {
		var taken atomic.Uint64
		send := func(_ context.Context, payload Payload) int { taken.Add(payload.Points); return 200 }
		client := newClient(t, nil, Options{"background": "true", "interval_s": "1", "flush_interval_s": "1"}, send)
		d, _ := client.Engine().Distribution("d")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 200 {
					d.Record(1)
				}
				if err := client.Flush(context.Background(), FlushAll); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				client.Stats()
				client.LastFailure()
			})
		}
		runtime.Gosched()
		client.Close(patient(t))
		wg.Wait()
		if stats := delivered(t, client); stats.Accepted != taken.Load() {
			t.Errorf("accepted %d, taken %d", stats.Accepted, taken.Load())
		}
	}
}

func TestForgottenClientsAreCollected(t *testing.T) {
	const clients = 30
	var collected atomic.Int32
	for i := range clients {
		client, err := NewClientWith(nil, Options{"background": "false"}, func(context.Context, Payload) int { return 200 })
		if err != nil {
			t.Fatal(err)
		}
		runtime.AddCleanup(client, func(counter *atomic.Int32) { counter.Add(1) }, &collected)
		client.Engine().RecordDistribution("d", 1)
		if err := client.Flush(patient(t), FlushAll); err != nil {
			t.Fatal(err)
		}
		// Freed by Close or by the collector, and not by both, which would end the process.
		if i%2 == 0 {
			if err := client.Close(patient(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "all are collected", func() bool { runtime.GC(); return collected.Load() == clients })
}

// With a background it goes on for metrics that are held somewhere, whoever has forgotten the client.
func TestAForgottenClientWithABackgroundGoesOn(t *testing.T) {
	in := newIntake(t)
	held := func() *Metric {
		client, err := NewClient(in.options(Options{"background": "true", "flush_interval_s": "1", "interval_s": "1"}))
		if err != nil {
			t.Fatal(err)
		}
		held, err := client.Engine().Distribution("d")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { held.engine.Close() })
		return held
	}()
	runtime.GC()
	runtime.GC()
	held.Record(1)
	eventually(t, "the point arrives", func() bool { return in.requests() > 0 })
}

func TestBadClients(t *testing.T) {
	send := func(context.Context, Payload) int { return 200 }
	closed := newEngine(t, nil)
	closed.Close()
	for _, c := range []struct {
		engine  *Engine
		options Options
		send    SendFunc
		want    error
		text    string
	}{
		{nil, nil, nil, ErrBadValue, "api_key"},
		{nil, Options{"sight": "x"}, send, ErrUnknownOption, "site"},
		{nil, Options{"flush_interval_s": "soon"}, send, ErrBadValue, "flush_interval_s"},
		{nil, Options{"background": "maybe"}, send, ErrBadValue, "background"},
		{nil, Options{"api_key": "k", "url": "gopher://x"}, nil, ErrBadValue, "gopher"},
		{closed, nil, send, ErrClosed, "has been closed"},
	} {
		client, err := NewClientWith(c.engine, c.options, c.send)
		if client != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v: %v", c.options, err)
		}
	}
}

func TestAnEngineOfOnesOwnStaysOpen(t *testing.T) {
	e := newEngine(t, nil)
	client := newClient(t, e, Options{"background": "false"}, func(context.Context, Payload) int { return 200 })
	e.RecordDistribution("d", 1)
	if err := client.Close(patient(t)); err != nil || client.Engine() != e {
		t.Error(err)
	}
	if stats := balanced(t, e); stats.Flushed != 1 || delivered(t, client).Accepted != 1 {
		t.Errorf("%+v", stats)
	}
}

// The ledger is copied as one piece, so its fields must be those of the header, in its order.
func TestTheLedgerHasTheFieldsOfTheHeader(t *testing.T) {
	header.CheckFields(t, "native/include/pointmill.h", "pointmill_client_stats", reflect.TypeFor[ClientStats]())
}
