// Package sandbox runs the same function over ddlambda and over datadog-lambda-go, under AWS's own runtime
// client, on the small Lambda of bindings/runtime-api, and compares what arrives.
package sandbox

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/pointmill/pointmill/bindings/go"
	. "github.com/pointmill/pointmill/bindings/go/sandbox/function"
)

const runtimeAPI = "../../runtime-api/runtime_api.py"

// programs is the folder with the two functions, built when they are first needed.
var programs = sync.OnceValue(func() string { return build("ours", "incumbent", "readme") })

var folders []string

func build(names ...string) string {
	folder, err := os.MkdirTemp("", "pointmill-")
	if err != nil {
		panic(err)
	}
	folders = append(folders, folder)
	for _, name := range names {
		build := exec.Command("go", "build", "-o", filepath.Join(folder, filepath.Base(name)), "./"+name)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			panic(fmt.Sprintf("building %s: %v", name, err))
		}
	}
	return folder
}

func TestMain(m *testing.M) {
	status := m.Run()
	for _, folder := range folders {
		os.RemoveAll(folder)
	}
	os.Exit(status)
}

type invocation struct {
	Event     Event `json:"event"`
	TimeoutMs int   `json:"timeout_ms,omitempty"`
	FreezeMs  int   `json:"freeze_ms,omitempty"`
	// Repeated until the intake has taken something, at most so often.
	UntilAccepted int `json:"until_accepted,omitempty"`
}

type scenario struct {
	invocations []invocation
	env         map[string]string
	intake      map[string]any
	handler     string
}

// report is what runtime_api.py prints.
type report struct {
	Inits       []struct{ Ms float64 }
	Invocations []struct {
		Outcome, Body string
		Ms            float64
	}
	Requests []struct {
		Path, Body string
		Headers    map[string]string
		Status     int
	}
	Stdout, Stderr string
}

// run runs a scenario with one of the programs.
func (s scenario) run(t *testing.T, program string) report {
	t.Helper()
	env := map[string]string{"DD_SITE": "http://127.0.0.1:${PORT}", "DD_API_KEY": "key", "DD_TRACE_ENABLED": "false",
		"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
	maps.Copy(env, s.env)
	handler, intake := cmp.Or(s.handler, "function"), s.intake
	if intake == nil {
		intake = map[string]any{}
	}
	for i := range s.invocations {
		// Nothing is to end for want of time but what is meant to.
		s.invocations[i].TimeoutMs = cmp.Or(s.invocations[i].TimeoutMs, 60_000)
	}
	text, err := json.Marshal(map[string]any{"function": map[string]string{"handler": handler}, "env": env, "intake": intake,
		"invocations": s.invocations, "init_timeout_ms": 60_000})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "scenario.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("python3", runtimeAPI, path, "--", filepath.Join(programs(), program))
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r report) outcomes() (list []string) {
	for _, i := range r.Invocations {
		list = append(list, i.Outcome)
	}
	return list
}

type line struct {
	M string
	V float64
	E int64
	T []string
}

// lines are those of the log that are points.
func (r report) lines(t *testing.T) (lines []line) {
	for text := range strings.Lines(r.Stdout) {
		if strings.HasPrefix(text, `{"m":`) {
			var l line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// arrived is everything that arrived: name and sorted tags, without the versions in them, to a sketch.
func (r report) arrived(t *testing.T) map[string]*pointmill.Sketch {
	t.Helper()
	all := make(map[string]*pointmill.Sketch)
	at := func(name string, tags []string) *pointmill.Sketch {
		key := key(name, tags)
		if all[key] == nil {
			sketch, err := pointmill.NewSketch()
			if err != nil {
				t.Fatal(err)
			}
			all[key] = sketch
		}
		return all[key]
	}
	for _, l := range r.lines(t) {
		at(l.M, l.T).Insert(l.V)
	}
	for _, request := range r.Requests {
		if request.Status >= 300 {
			continue
		}
		body := decoded(t, request.Body, request.Headers["content-encoding"])
		switch path, _, _ := strings.Cut(request.Path, "?"); path {
		case "/api/v1/distribution_points":
			var message struct {
				Series []struct {
					Metric string
					Tags   []string
					Points [][2]json.RawMessage
				}
			}
			if err := json.Unmarshal(body, &message); err != nil {
				t.Fatal(err)
			}
			for _, series := range message.Series {
				for _, point := range series.Points {
					var values []float64
					if err := json.Unmarshal(point[1], &values); err != nil {
						t.Fatal(err)
					}
					at(series.Metric, series.Tags).InsertMany(values)
				}
			}
		case "/api/beta/sketches":
			// SketchPayload: sketches = 1 { metric = 1, tags = 4, dogsketches = 7 }
			fields(t, body, func(_ protowire.Number, message []byte) {
				var name string
				var tags []string
				var sketches [][]byte
				fields(t, message, func(number protowire.Number, value []byte) {
					switch number {
					case 1:
						name = string(value)
					case 4:
						tags = append(tags, string(value))
					case 7:
						sketches = append(sketches, value)
					}
				})
				for _, bytes := range sketches {
					sketch, err := pointmill.DecodeSketch(bytes, pointmill.FormatAgent)
					if err != nil {
						t.Fatal(err)
					}
					at(name, tags).Merge(sketch)
				}
			})
		}
	}
	return all
}

func key(name string, tags []string) string {
	tags = slices.Clone(tags)
	for i, tag := range tags {
		if strings.HasPrefix(tag, "dd_lambda_layer:") || strings.HasPrefix(tag, "datadog_lambda:") {
			tags[i], _, _ = strings.Cut(tag, ":")
		}
	}
	slices.Sort(tags)
	return name + "|" + strings.Join(tags, ",")
}

// counts are the points of each name, whatever their tags.
func counts(all map[string]*pointmill.Sketch) map[string]uint64 {
	counts := make(map[string]uint64)
	for key, sketch := range all {
		name, _, _ := strings.Cut(key, "|")
		summary, _ := sketch.Summary()
		counts[name] += summary.Count
	}
	return counts
}

func decoded(t *testing.T, body, encoding string) []byte {
	data, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	switch encoding {
	case "deflate":
		reader, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := out.ReadFrom(reader); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	case "zstd":
		reader, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		out, err := reader.DecodeAll(data, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	return data
}

// fields goes through the length-delimited fields of a protobuf message.
func fields(t *testing.T, message []byte, each func(number protowire.Number, value []byte)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(number, kind, message)
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			each(number, value)
		}
		message = message[size:]
	}
}

var (
	points = []Point{
		{Name: "coffee.orders", Value: 1, Tags: []string{"size:large", "env:test"}},
		{Name: "coffee.orders", Value: 2.5, Tags: []string{"env:test", "size:large"}},
		{Name: "coffee.price", Value: 4.2},
		{Name: "café.größe", Value: 3, Tags: []string{"日本:x", "emoji:😀"}},
	}
	logMode  = map[string]string{"DD_FLUSH_TO_LOG": "true"}
	httpMode = map[string]string{}
)

func TestTheSameArrivesAsWithTheIncumbent(t *testing.T) {
	for name, invocations := range map[string][]invocation{
		"cold and warm":     {{Event: Event{Points: points}}, {Event: Event{Points: points}}, {}},
		"one point":         {{Event: Event{Points: points[:1]}}},
		"a thousand points": {{Event: Event{Many: 1000}}},
		"an error":          {{Event: Event{Points: points, Raise: "no beans"}}, {Event: Event{Points: points}}},
		"with times":        {{Event: Event{Timed: []Point{{Name: "t", Value: 1, Unix: 1_700_000_000}, {Name: "t", Value: 2, Unix: 1_700_000_100}}}}},
		"frozen and thawed": {{Event: Event{Points: points}, FreezeMs: 1500}, {Event: Event{Points: points}}},
	} {
		for mode, env := range map[string]map[string]string{"log": logMode, "http": httpMode} {
			handlers := []string{"function"}
			if name == "cold and warm" || name == "an error" {
				handlers = append(handlers, "interface")
			}
			for _, handler := range handlers {
				t.Run(name+" "+mode+" "+handler, func(t *testing.T) {
					t.Parallel()
					s := scenario{invocations: invocations, env: env, handler: handler}
					ours, theirs := s.run(t, "ours"), s.run(t, "incumbent")
					if !slices.Equal(ours.outcomes(), theirs.outcomes()) {
						t.Errorf("outcomes %v, theirs %v", ours.outcomes(), theirs.outcomes())
					}
					for i := range ours.Invocations {
						if a, b := ours.Invocations[i].Body, theirs.Invocations[i].Body; a != b {
							t.Errorf("invocation %d answers %s, theirs %s", i, a, b)
						}
					}
					compare(t, ours.arrived(t), theirs.arrived(t))
				})
			}
		}
	}
}

func compare(t *testing.T, ours, theirs map[string]*pointmill.Sketch) {
	t.Helper()
	if len(theirs) == 0 {
		t.Error("nothing has arrived from the incumbent, so this compares nothing")
	}
	for _, key := range slices.Sorted(maps.Keys(ours)) {
		if theirs[key] == nil {
			t.Errorf("theirs lack %s", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		if ours[key] == nil {
			t.Errorf("ours lack %s", key)
			continue
		}
		a, _ := ours[key].Summary()
		b, _ := theirs[key].Summary()
		if a.Count != b.Count || a.Min != b.Min || a.Max != b.Max || math.Abs(a.Sum-b.Sum) > 1e-12*math.Abs(b.Sum) {
			t.Errorf("%s: %+v, theirs %+v", key, a, b)
		}
		for _, q := range []float64{0.5, 0.9, 0.99} {
			x, _ := ours[key].Quantile(q)
			y, _ := theirs[key].Quantile(q)
			if math.Abs(x-y) > math.Abs(y)/129 {
				t.Errorf("%s: p%v %v, theirs %v", key, q*100, x, y)
			}
		}
	}
}

func TestLogLinesAreThoseOfTheIncumbent(t *testing.T) {
	s := scenario{invocations: []invocation{{Event: Event{Points: points}}, {Event: Event{Points: points}}}, env: logMode}
	shown := func(program string) (shown []string) {
		for _, l := range s.run(t, program).lines(t) {
			for i, tag := range l.T {
				if strings.HasPrefix(tag, "dd_lambda_layer:") || strings.HasPrefix(tag, "datadog_lambda:") {
					l.T[i], _, _ = strings.Cut(tag, ":")
				}
			}
			shown = append(shown, fmt.Sprint(l.M, l.V, l.T))
		}
		return shown
	}
	if ours, theirs := shown("ours"), shown("incumbent"); !slices.Equal(ours, theirs) || len(ours) == 0 {
		t.Errorf("ours\n%s\ntheirs\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
	}
}

func TestTheReadmesFunctionRuns(t *testing.T) {
	s := scenario{invocations: []invocation{{Event: Event{}}}, env: logMode}
	if got := counts(s.run(t, "readme").arrived(t)); got["coffee.orders"] != 1 || got["aws.lambda.enhanced.invocations"] != 1 {
		t.Errorf("%v", got)
	}
}

// What is better than with the incumbent.

func TestAPanicLosesNothing(t *testing.T) {
	s := scenario{invocations: []invocation{{Event: Event{Points: points, Panic: "no beans"}}}, env: httpMode}
	ours, theirs := s.run(t, "ours"), s.run(t, "incumbent")
	got := counts(ours.arrived(t))
	if got["coffee.orders"] != 2 || got["coffee.price"] != 1 || got["aws.lambda.enhanced.errors"] != 1 {
		t.Errorf("%v", got)
	}
	for _, r := range []report{ours, theirs} {
		if r.Invocations[0].Outcome != "error" || !strings.Contains(r.Invocations[0].Body, "no beans") || !strings.Contains(r.Invocations[0].Body, "function.go") {
			t.Errorf("%+v", r.Invocations)
		}
	}
	if counts(theirs.arrived(t))["coffee.orders"] != 0 {
		t.Error("the incumbent sends them too, so the README's table is wrong")
	}
}

func TestAFunctionThatTimesOutHasSentItsPoints(t *testing.T) {
	for _, event := range []Event{{Points: points, Sleep: 60}, {Points: points, Spin: true}} {
		// The flush begins long before the end; a machine that stands still for so long gets further tries.
		for limit := 4000; ; limit *= 3 {
			env := map[string]string{"POINTMILL_LAMBDA_DEADLINE_GUARD_MS": strconv.Itoa(limit / 2)}
			s := scenario{invocations: []invocation{{Event: event, TimeoutMs: limit}, {}}, env: env}
			ours := s.run(t, "ours")
			if !slices.Equal(ours.outcomes(), []string{"timeout", "response"}) || len(ours.Inits) != 2 {
				t.Errorf("%+v", ours.Invocations)
			}
			got := counts(ours.arrived(t))
			if got["coffee.orders"] == 2 && got["coffee.price"] == 1 {
				break
			}
			if limit > 30_000 {
				t.Fatalf("%v", got)
			}
		}
	}
	s := scenario{invocations: []invocation{{Event: Event{Points: points, Sleep: 60}, TimeoutMs: 3000}}, env: httpMode}
	if counts(s.run(t, "incumbent").arrived(t))["coffee.orders"] != 0 {
		t.Error("the incumbent sends them too, so the README's table is wrong")
	}
}

func TestAFailedFlushIsSentWithTheNextOne(t *testing.T) {
	one := invocation{Event: Event{Points: points[:1]}}
	// When points are tried again is left to chance, and a flush does not wait for a moment beyond its budget: so
	// invocations without points follow until it has come.
	again := invocation{Event: Event{Sleep: 1}, UntilAccepted: 60}
	s := scenario{invocations: []invocation{one, again}, intake: map[string]any{"down_for": 1},
		env: map[string]string{"POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS": "1000"}}
	if got := counts(s.run(t, "ours").arrived(t)); got["coffee.orders"] != 1 {
		t.Errorf("%v", got)
	}
	s.invocations = []invocation{one, one}
	if got := counts(s.run(t, "incumbent").arrived(t)); got["coffee.orders"] != 1 {
		t.Errorf("the incumbent sends %v, so the README's table is wrong", got)
	}
}

func TestWhatIsRecordedBetweenInvocationsIsSent(t *testing.T) {
	s := scenario{invocations: []invocation{{Event: Event{After: points}}, {Event: Event{Await: true}}}, env: httpMode}
	if got := counts(s.run(t, "ours").arrived(t)); got["coffee.orders"] != 2 || got["coffee.price"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestAnExitIsNoCrashOfOurs(t *testing.T) {
	s := scenario{invocations: []invocation{{Event: Event{Points: points, Exit: 3}}, {}}, env: httpMode}
	if got := s.run(t, "ours").outcomes(); !slices.Equal(got, []string{"exit", "response"}) {
		t.Errorf("%v", got)
	}
}
