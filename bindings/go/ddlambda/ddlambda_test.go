package ddlambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/pointmill/pointmill/bindings/go"
	"github.com/pointmill/pointmill/bindings/go/internal/header"
)

// Longer than anything takes on a busy machine.
const patience = 60 * time.Second

// fresh forgets all layers, before and after a test: they are for the life of a process.
func fresh(t testing.TB) {
	forget := func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		Close(ended)
		layers.Lock()
		layers.all = nil
		layers.Unlock()
		last.Store(nil)
	}
	forget()
	t.Cleanup(forget)
}

type line struct {
	M string
	V float64
	E int64
	T []string
}

// logged makes log mode write to a file, and answers a function that reads its lines.
func logged(t testing.TB, options map[string]string) (*Config, func() []line) {
	t.Helper()
	fresh(t)
	path := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	cfg := &Config{ShouldUseLogForwarder: true, Options: map[string]string{"log_fd": strconv.Itoa(int(file.Fd()))}}
	for name, value := range options {
		cfg.Options[name] = value
	}
	return cfg, func() (lines []line) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for one := range strings.Lines(string(text)) {
			var l line
			if err := json.Unmarshal([]byte(one), &l); err != nil {
				t.Fatalf("%s: %v", one, err)
			}
			lines = append(lines, l)
		}
		return lines
	}
}

// warnings catches what is said by the log package.
func warnings(t testing.TB) *strings.Builder {
	var text strings.Builder
	log.SetOutput(&text)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return &text
}

const arn = "arn:aws:lambda:us-east-1:123497598159:function:my-test-lambda:live"

func lambdaContext(t testing.TB) context.Context {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "my-test-lambda")
	t.Setenv("AWS_LAMBDA_FUNCTION_VERSION", "7")
	t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
	return lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "1", InvokedFunctionArn: arn})
}

func named(lines []line, name string) (found []line) {
	for _, l := range lines {
		if l.M == name {
			found = append(found, l)
		}
	}
	return found
}

// balances reads a ledger that balances. At the end of an interval the library's thread may be sending just now.
func balances(t testing.TB) Stats {
	t.Helper()
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		stats := ReadStats()
		if stats.Balances() {
			return stats
		}
		if time.Since(start) > patience {
			t.Errorf("the ledger does not balance: %+v", stats)
			return stats
		}
	}
}

func TestAnInvocationIsCountedAndItsPointsAreSent(t *testing.T) {
	ctx := lambdaContext(t)
	cfg, lines := logged(t, nil)
	handler := WrapFunction(func(ctx context.Context, event struct{ Size string }) (string, error) {
		if GetContext() != ctx {
			t.Error("GetContext is another context")
		}
		Metric("coffee.orders", 2.5, "size:"+event.Size)
		MetricWithTimestamp("coffee.late", 1, time.Unix(1_700_000_000, 900_000_000))
		Distribution("coffee.old", 3)
		return "enjoy", nil
	}, cfg).(func(context.Context, json.RawMessage) (interface{}, error))

	for i, cold := range []string{"true", "false"} {
		result, err := handler(ctx, json.RawMessage(`{"size":"large"}`))
		if result != "enjoy" || err != nil {
			t.Fatal(result, err)
		}
		all := lines()
		if len(all) != 4*(i+1) {
			t.Fatalf("%+v", all)
		}
		all = all[4*i:]
		layer := "dd_lambda_layer:pointmill-" + strings.NewReplacer(" ", "-", ",", "-").Replace(runtime.Version()) + "_" + pointmill.Version()
		want := []string{"functionname:my-test-lambda", "region:us-east-1", "account_id:123497598159", "memorysize:256",
			"cold_start:" + cold, "datadog_lambda:v" + pointmill.Version(), "executedversion:7", "resource:my-test-lambda:live", layer}
		if got := named(all, "aws.lambda.enhanced.invocations"); len(got) != 1 || got[0].V != 1 || !slices.Equal(got[0].T, want) {
			t.Errorf("%+v\nwant %v", got, want)
		}
		if got := named(all, "coffee.orders"); len(got) != 1 || got[0].V != 2.5 || !slices.Equal(got[0].T, []string{"size:large", layer}) {
			t.Errorf("%+v", got)
		}
		if got := named(all, "coffee.late"); len(got) != 1 || got[0].E != 1_700_000_000 {
			t.Errorf("%+v", got)
		}
		if got := named(all, "coffee.old"); len(got) != 1 || got[0].V != 3 {
			t.Errorf("%+v", got)
		}
	}
	if GetContext() != nil {
		t.Error("no invocation is under way")
	}
	if stats := balances(t); stats.Invocations != 2 || stats.InvocationsOpen != 0 || stats.Accepted != 8 {
		t.Errorf("%+v", stats)
	}
}

func TestAnErrorIsCountedAndReturned(t *testing.T) {
	cfg, lines := logged(t, nil)
	noBeans := errors.New("no beans")
	handler := WrapHandler(func() error { Metric("m", 1); return noBeans }, cfg).(func(context.Context, json.RawMessage) (interface{}, error))
	if result, err := handler(context.Background(), nil); err != noBeans || result != nil {
		t.Error(result, err)
	}
	if got := lines(); len(named(got, "aws.lambda.enhanced.errors")) != 1 || len(named(got, "m")) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAPanicStillFlushesAndGoesOn(t *testing.T) {
	cfg, lines := logged(t, nil)
	handler := WrapFunction(func() { Metric("m", 1); panic("no beans") }, cfg).(func(context.Context, json.RawMessage) (interface{}, error))
	func() {
		defer func() {
			stack := make([]byte, 1<<16)
			stack = stack[:runtime.Stack(stack, false)]
			if cause := recover(); cause != "no beans" {
				t.Error("the panic has become", cause)
			}
			if !strings.Contains(string(stack), "TestAPanicStillFlushesAndGoesOn.func1") {
				t.Errorf("the stack is no longer the handler's:\n%s", stack)
			}
		}()
		handler(context.Background(), nil)
	}()
	if got := lines(); len(named(got, "aws.lambda.enhanced.errors")) != 1 || len(named(got, "m")) != 1 {
		t.Errorf("%+v", got)
	}
	if stats := balances(t); stats.InvocationsOpen != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestAGoroutineThatExitsIsAnError(t *testing.T) {
	cfg, lines := logged(t, nil)
	handler := WrapFunction(func() { runtime.Goexit() }, cfg).(func(context.Context, json.RawMessage) (interface{}, error))
	var wg sync.WaitGroup
	wg.Go(func() { handler(context.Background(), nil) })
	wg.Wait()
	if got := lines(); len(named(got, "aws.lambda.enhanced.errors")) != 1 {
		t.Errorf("%+v", got)
	}
}

type upper struct{}

func (upper) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	Metric("m", 1)
	if len(payload) == 0 {
		return nil, errors.New("empty")
	}
	return []byte(strings.ToUpper(string(payload))), nil
}

func TestAHandlerInterface(t *testing.T) {
	cfg, lines := logged(t, nil)
	handler := WrapLambdaHandlerInterface(upper{}, cfg)
	if answer, err := handler.Invoke(context.Background(), []byte("abc")); string(answer) != "ABC" || err != nil {
		t.Error(answer, err)
	}
	if _, err := handler.Invoke(context.Background(), nil); err == nil || err.Error() != "empty" {
		t.Error(err)
	}
	got := lines()
	if len(named(got, "m")) != 2 || len(named(got, "aws.lambda.enhanced.errors")) != 1 || len(named(got, "aws.lambda.enhanced.invocations")) != 2 {
		t.Errorf("%+v", got)
	}
}

// Every shape that lambda.Start takes, and what it does not.
func TestHandlerShapes(t *testing.T) {
	type event struct{ N int }
	ctx := context.WithValue(context.Background(), event{}, "mine")
	bad := errors.New("bad")
	for _, c := range []struct {
		handler interface{}
		payload string
		result  interface{}
		err     string
	}{
		{func() {}, `{}`, nil, ""},
		{func() error { return bad }, `{}`, nil, "bad"},
		{func() (int, error) { return 3, nil }, `{}`, 3, ""},
		{func(e event) (int, error) { return e.N, nil }, `{"n":4}`, 4, ""},
		{func(e *event) (int, error) { return e.N, bad }, `{"n":4}`, 4, "bad"},
		{func(ctx context.Context) (any, error) { return ctx.Value(event{}), nil }, `{}`, "mine", ""},
		{func(ctx context.Context, e []int) (any, error) { return len(e), nil }, `[1,2]`, 2, ""},
		{func(ctx context.Context, e any) (any, error) { return e, nil }, `"x"`, "x", ""},
		{func(e event) error { return nil }, `{"n":"four"}`, nil, "cannot unmarshal"},
		{func(e event) error { return nil }, ``, nil, "unexpected end"},
	} {
		name := fmt.Sprintf("%T", c.handler)
		cfg, _ := logged(t, nil)
		result, err := WrapFunction(c.handler, cfg).(func(context.Context, json.RawMessage) (interface{}, error))(ctx, json.RawMessage(c.payload))
		if !reflect.DeepEqual(result, c.result) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v", name, result, err)
		}
	}
	said := warnings(t)
	for _, none := range []interface{}{nil, 5, "handler", (func())(nil), func(a, b, c int) {}, func(a, b int) {}, func() int { return 1 },
		func() (int, int, error) { return 0, 0, nil }, func(...int) {}} {
		said.Reset()
		fresh(t)
		if got := WrapFunction(none, nil); reflect.TypeOf(got) != reflect.TypeOf(none) {
			t.Errorf("%T has become %T", none, got)
		}
		if !strings.Contains(said.String(), "not wrapped") {
			t.Errorf("%T: said %q", none, said)
		}
	}
}

func TestBadPointsAreCountedAndSaidOnce(t *testing.T) {
	cfg, lines := logged(t, nil)
	said := warnings(t)
	long := strings.Repeat("x", 100_000)
	if _, err := InvokeDryRun(func(context.Context) {
		for range 3 {
			Metric("nan", math.NaN())
			Metric("inf", math.Inf(1), "a:b")
			Metric("", 1)
			Metric(long, 1)
			Metric("m", 1, long)
			MetricWithTimestamp("nan", math.NaN(), time.Now())
			Hold("").Record(1)
			Hold("held").Record(math.Inf(-1))
		}
		Metric("m\xff", 1, "t\xfe", "")
		Hold("held", "a:1").Record(4)
		Hold("held", "a:1").RecordAt(5, time.Unix(1_700_000_000, 0))
	}, cfg); err != nil {
		t.Fatal(err)
	}
	stats := balances(t)
	if stats.RejectedNotFinite != 12 || stats.RejectedInvalidName != 12 || stats.UTF8Mended == 0 {
		t.Errorf("%+v", stats)
	}
	if got := lines(); len(named(got, "held")) != 2 || len(got) != 4 {
		t.Errorf("%+v", got)
	}
	// One line for each metric and cause, however often.
	if n := strings.Count(said.String(), "\n"); n < 4 || n > 8 || strings.Contains(said.String(), long) {
		t.Errorf("%d lines: %.2000s", n, said)
	}
}

func TestPointsBeforeTheFirstInvocationAreKept(t *testing.T) {
	first, firstLines := logged(t, nil)
	cfg, lines := logged(t, nil)
	WrapFunction(func() {}, first) // of these options nothing is invoked
	Metric("first", 1)
	handler := WrapFunction(func() {}, cfg).(func(context.Context, json.RawMessage) (interface{}, error))
	Metric("early", 1)
	if _, err := handler(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	Metric("late", 1)
	// A late point is written by the library's thread, now or in a moment.
	if got := lines(); len(named(got, "early")) != 1 {
		t.Errorf("%+v", got)
	}
	if got := firstLines(); len(named(got, "first")) != 1 {
		t.Errorf("what was recorded with other options: %+v", got)
	}
	if err := Close(context.Background()); err != nil {
		t.Error(err)
	}
	if got := lines(); len(named(got, "late")) != 1 {
		t.Errorf("%+v", got)
	}
	Metric("after", 1)
	if stats := balances(t); stats.RejectedClosed != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestModesOptionsAndEnvironment(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		cfg  *Config
		mode string
		said string
	}{
		{nil, nil, "http", ""},
		{map[string]string{"DD_FLUSH_TO_LOG": "true"}, nil, "log", ""},
		{map[string]string{"DD_FLUSH_TO_LOG": "maybe"}, nil, "http", "DD_FLUSH_TO_LOG"},
		{nil, &Config{ShouldUseLogForwarder: true}, "log", ""},
		{map[string]string{"DD_FLUSH_TO_LOG": "true"}, &Config{}, "log", ""},
		{map[string]string{"AWS_REGION": "us-gov-west-1"}, nil, "disabled", ""},
		{map[string]string{"AWS_REGION": "us-gov-west-1"}, &Config{FIPSMode: new(bool)}, "http", ""},
		{nil, &Config{Options: map[string]string{"mode": "extension"}}, "extension", ""},
		{nil, &Config{Options: map[string]string{"mood": "good"}}, "http", "mood"},
		{nil, &Config{Options: map[string]string{"buffer_points_max": "many"}}, "http", "buffer_points_max"},
		{nil, &Config{Options: map[string]string{"log_fd": "99999", "mode": "log"}}, "disabled", "no metrics"},
	} {
		t.Run(fmt.Sprint(c.env, c.mode, c.said), func(t *testing.T) {
			fresh(t)
			t.Setenv("DD_API_KEY", "k")
			t.Setenv("DD_ENHANCED_METRICS", "false")
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			said := warnings(t)
			ran := false
			handler := WrapFunction(func() { ran = true; Metric("m", math.NaN()); Hold("h").Record(math.NaN()) }, c.cfg)
			if _, err := handler.(func(context.Context, json.RawMessage) (interface{}, error))(context.Background(), nil); err != nil || !ran {
				t.Error(err)
			}
			if Mode() != c.mode || !strings.Contains(said.String(), c.said) {
				t.Errorf("%s, said %q", Mode(), said)
			}
			LastFailure()
			balances(t)
		})
	}
	t.Run("fields", func(t *testing.T) {
		yes := true
		got := (&Config{APIKey: "a", KMSAPIKey: "b", Site: "c", HTTPClientTimeout: 2 * time.Second, FIPSMode: &yes, DebugLogging: true,
			ShouldRetryOnFailure: true, EnhancedMetrics: false, BatchInterval: time.Second}).options()
		want := map[string]string{"api_key": "a", "kms_api_key": "b", "site": "c", "flush_timeout_ms": "2000", "fips_mode": "true", "log_level": "debug"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestTheIntakeGetsEverything(t *testing.T) {
	fresh(t)
	t.Setenv("DD_ENHANCED_METRICS", "false")
	var batches sync.Map // by their identity: one whose answer is late is sent again
	var status atomic.Int32
	status.Store(500)
	intake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if code := int(status.Load()); code >= 300 {
			w.WriteHeader(code)
			return
		}
		if r.URL.RawQuery != "" || r.Header.Get("DD-API-KEY") != "k" || len(body) == 0 {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		batches.Store(r.Header.Get("DD-Pointmill-Batch"), true)
		w.WriteHeader(202)
	}))
	defer intake.Close()
	cfg := &Config{APIKey: "k", Site: intake.URL, HTTPClientTimeout: 200 * time.Millisecond}
	if _, err := InvokeDryRun(func(context.Context) { Metric("m", 1) }, cfg); err != nil {
		t.Fatal(err)
	}
	if stats := balances(t); stats.Accepted != 0 || stats.Queued+stats.Pending != 1 {
		t.Errorf("%+v", stats)
	}
	// A busy machine may need more than one attempt to hear of the 500.
	for start := time.Now(); !strings.Contains(LastFailure(), "500") && time.Since(start) < patience; {
		if err := Flush(context.Background()); !errors.Is(err, pointmill.ErrDeliveryLater) {
			t.Error(err)
		}
	}
	if !strings.Contains(LastFailure(), "500") {
		t.Error(LastFailure())
	}
	status.Store(202)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := Flush(ctx); err != nil {
		t.Fatal(err)
	}
	values := 0
	batches.Range(func(any, any) bool { values++; return true })
	if stats := balances(t); stats.Accepted != 1 || values != 1 {
		t.Errorf("%d batches, %+v", values, stats)
	}
	ended, cancelEnded := context.WithCancelCause(context.Background())
	why := errors.New("why")
	cancelEnded(why)
	if err := Flush(ended); !errors.Is(err, why) || !errors.Is(err, pointmill.ErrDeliveryLater) {
		t.Error(err)
	}
}

func TestAFlushEndsBeforeTheDeadlineOfItsInvocation(t *testing.T) {
	fresh(t)
	t.Setenv("DD_ENHANCED_METRICS", "false")
	hold := make(chan struct{})
	intake := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer intake.Close()
	defer close(hold)
	handler := WrapFunction(func() { Metric("m", 1) }, &Config{APIKey: "k", Site: intake.URL, HTTPClientTimeout: 10 * time.Minute})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		handler.(func(context.Context, json.RawMessage) (interface{}, error))(ctx, nil)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the response still waits for an intake that hangs")
	}
	if stats := balances(t); stats.Accepted != 0 || stats.Pending+stats.Queued != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestTheExtensionGetsDatagrams(t *testing.T) {
	ctx := lambdaContext(t)
	fresh(t)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	extension := filepath.Join(t.TempDir(), "datadog-agent")
	if err := os.WriteFile(extension, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := &Config{ShouldUseLogForwarder: true, // the extension wins
		Options: map[string]string{"extension_path": extension, "dogstatsd_url": "udp://" + socket.LocalAddr().String()}}
	handler := WrapFunction(func() error {
		MetricWithTimestamp("timed", 2, time.Unix(time.Now().Unix()-60, 0), "a:1")
		MetricWithTimestamp("old", 1, time.Now().Add(-5*time.Hour))
		return errors.New("no beans")
	}, cfg)
	if _, err := handler.(func(context.Context, json.RawMessage) (interface{}, error))(ctx, nil); err == nil {
		t.Error("the error is gone")
	}
	if Mode() != "extension" {
		t.Error(Mode())
	}
	buf := make([]byte, 1<<16)
	socket.SetReadDeadline(time.Now().Add(patience))
	n, _, err := socket.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	got := string(buf[:n])
	if !strings.HasPrefix(got, "timed:2|d|#a:1,dd_lambda_layer:pointmill-go") || !strings.Contains(got, "|T") || strings.Contains(got, "enhanced.invocations") {
		t.Error(got)
	}
	if stats := balances(t); stats.RejectedTooOld != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestManyGoroutinesAndInvocationsAtOnce(t *testing.T) {
	cfg, lines := logged(t, map[string]string{"enhanced_metrics": "false"})
	handler := WrapFunction(func(ctx context.Context, g int) error {
		held := Hold("held", "g:"+strconv.Itoa(g%4))
		for i := range 200 {
			Metric("named", float64(i), "g:"+strconv.Itoa(g), "even:"+strconv.FormatBool(i%2 == 0))
			held.Record(1)
		}
		return nil
	}, cfg).(func(context.Context, json.RawMessage) (interface{}, error))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			if _, err := handler(context.Background(), json.RawMessage(strconv.Itoa(g))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := len(lines()); n != 8*400 {
		t.Errorf("%d lines", n)
	}
	if stats := balances(t); stats.Accepted != 8*400 || stats.Invocations != 8 {
		t.Errorf("%+v", stats)
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	cfg, _ := logged(t, map[string]string{"buffer_points_max": "1000000"})
	layerOf(cfg)
	held := Hold("held", "a:1")
	for name, record := range map[string]func(){
		"two tags": func() { Metric("coffee.orders", 1, "size:large", "env:prod") },
		"no tags":  func() { Metric("coffee.orders", 1) },
		"a time":   func() { MetricWithTimestamp("coffee.orders", 1, time.Unix(1_700_000_000, 0), "size:large", "env:prod") },
		"held":     func() { held.Record(1) },
	} {
		// AllocsPerRun stays on one processor and calls once before it counts.
		if n := testing.AllocsPerRun(2000, record); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	cfg, _ := logged(t, nil)
	before := runtime.NumGoroutine()
	for range 50 {
		if _, err := InvokeDryRun(func(context.Context) { Metric("m", 1) }, cfg); err != nil {
			t.Fatal(err)
		}
	}
	// One that ends may be counted a moment longer.
	for start := time.Now(); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("%d goroutines, then %d", before, runtime.NumGoroutine())
		}
	}
}

func TestTheLedgerHasTheFieldsOfTheHeader(t *testing.T) {
	header.CheckFields(t, "../native/include/pointmill.h", "pointmill_lambda_stats", reflect.TypeFor[Stats]())
}
