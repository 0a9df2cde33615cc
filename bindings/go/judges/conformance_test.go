package judges

import (
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/pointmill/pointmill/bindings/go"
)

// The shared cases of testdata/conformance; its README describes the format.

type conformanceFile struct {
	Case []struct {
		Name   string
		Config map[string]string
		Step   []step
	}
}

type step struct {
	Op       string
	Error    string
	Now      int64
	All      bool
	Kind     string
	Name     string
	NameX    int `toml:"name_times"`
	Tags     []string
	TagX     int `toml:"tag_times"`
	Value    *float64
	Values   []float64
	Range    []int64
	By       string
	At       *int64
	Rate     *float64
	Rejected int
	Entries  *[]map[string]any
	Stats    map[string]uint64
	Keys     []string
	MergeAll bool `toml:"merge_intervals"`
	Options  map[string]string
	Bodies   *[]string
	Hexes    *[]string `toml:"bodies_hex"`
	Skipped  *[]map[string]any
	Into     string
	From     string
	Sketch   string
	N        *uint64
	Lower    float64
	Upper    float64
	Format   string
	Hex      string
	Is       map[string]any
	Q        float64
	Result   float64
}

type run struct {
	t         *testing.T
	config    pointmill.Options
	engine    *pointmill.Engine
	snapshots []*pointmill.Snapshot
	last      *pointmill.Snapshot
	sketches  map[string]*pointmill.Sketch
}

func TestConformance(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/conformance/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	cases := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file conformanceFile
		meta, err := toml.Decode(string(text), &file)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, key := range meta.Undecoded() {
			if last := key[len(key)-1]; last != "why" && last != "needs" {
				t.Errorf("%s: this runner does not know %s", path, key)
			}
		}
		for _, c := range file.Case {
			cases++
			t.Run(c.Name, func(t *testing.T) {
				// The cases know means to the last bit, which depends on the order of the points; a
				// goroutine keeps it as long as it does not move.
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
				r := &run{t: t, config: c.Config, sketches: make(map[string]*pointmill.Sketch)}
				for i, step := range c.Step {
					r.expect(fmt.Sprintf("step %d (%s)", i+1, step.Op), step, r.step(step))
				}
				if r.engine != nil {
					r.engine.Close()
				}
			})
		}
	}
	if cases < 30 {
		t.Errorf("only %d cases", cases)
	}
}

// expect compares the errors of every call of a step with the one that must come.
func (r *run) expect(where string, s step, errs []error) {
	for _, err := range errs {
		code := ""
		if err != nil {
			failed, ok := err.(*pointmill.Error)
			if !ok {
				r.t.Fatalf("%s: %v", where, err)
			}
			code = strings.TrimPrefix(failed.Code.Name(), "POINTMILL_E_")
		}
		if code != s.Error {
			r.t.Errorf("%s: error %q (%v), want %q", where, code, err, s.Error)
		}
	}
	if len(errs) == 0 && s.Error != "" {
		r.t.Errorf("%s: no call could fail", where)
	}
	if r.engine != nil {
		stats, err := r.engine.Stats()
		if err != nil || !stats.Balances() {
			r.t.Errorf("%s: the ledger does not balance: %+v %v", where, stats, err)
		}
	}
}

func (r *run) open() error {
	if r.engine != nil {
		return nil
	}
	engine, err := pointmill.NewEngine(r.config)
	r.engine = engine
	return err
}

func (r *run) sketch(name string) *pointmill.Sketch {
	if name == "" {
		name = "main"
	}
	if r.sketches[name] == nil {
		s, err := pointmill.NewSketch()
		if err != nil {
			r.t.Fatal(err)
		}
		r.sketches[name] = s
	}
	return r.sketches[name]
}

func (r *run) step(s step) []error {
	switch s.Op {
	case "engine", "tick", "record", "flush", "stats":
		if err := r.open(); err != nil {
			r.engine = nil
			return []error{err}
		}
	}
	switch s.Op {
	case "engine":
		return []error{nil}
	case "tick":
		return []error{r.engine.Tick(time.Unix(s.Now, 0))}
	case "record":
		return r.record(s)
	case "flush":
		which := pointmill.FlushClosed
		if s.All {
			which = pointmill.FlushAll
		}
		return r.take(s, func() (*pointmill.Snapshot, error) { return r.engine.Flush(time.Unix(s.Now, 0), which) }, true)
	case "merge":
		return r.take(s, func() (*pointmill.Snapshot, error) { return pointmill.MergeSnapshots(r.snapshots...) }, false)
	case "group_by":
		return r.take(s, func() (*pointmill.Snapshot, error) { return r.last.GroupBy(s.MergeAll, s.Keys...) }, false)
	case "stats":
		stats, err := r.engine.Stats()
		value := reflect.ValueOf(stats)
		for name, want := range s.Stats {
			field := value.FieldByNameFunc(func(field string) bool {
				return strings.EqualFold(field, strings.ReplaceAll(name, "_", ""))
			})
			if !field.IsValid() || field.Uint() != want {
				r.t.Errorf("stats: %s is %v, want %d", name, field, want)
			}
		}
		return []error{err}
	case "encode":
		return r.encode(s)
	}
	return r.sketchStep(s)
}

func (r *run) take(s step, take func() (*pointmill.Snapshot, error), keep bool) []error {
	snapshot, err := take()
	if err != nil {
		return []error{err}
	}
	r.last = snapshot
	if keep {
		r.snapshots = append(r.snapshots, snapshot)
	}
	if s.Entries != nil {
		r.entries(*s.Entries, snapshot)
	}
	return []error{nil}
}

func values(s step) []float64 {
	switch {
	case s.Value != nil:
		return []float64{*s.Value}
	case s.Range != nil:
		var all []float64
		for v := s.Range[0]; v <= s.Range[1]; v++ {
			all = append(all, float64(v))
		}
		return all
	}
	return s.Values
}

func kindOf(name string) pointmill.Kind {
	for _, kind := range []pointmill.Kind{pointmill.KindDistribution, pointmill.KindCount, pointmill.KindGauge, pointmill.KindHistogram} {
		if kind.String() == name {
			return kind
		}
	}
	return 0
}

func (r *run) record(s step) []error {
	name, tags := s.Name, slices.Clone(s.Tags)
	if s.NameX > 0 {
		name = strings.Repeat(name, s.NameX)
	}
	for i := range tags {
		if s.TagX > 0 {
			tags[i] = strings.Repeat(tags[i], s.TagX)
		}
	}
	kind := kindOf(s.Kind)
	var errs []error
	if s.By == "many" {
		m, err := r.engine.Metric(kind, name, tags...)
		if err == nil {
			var rejected int
			rejected, err = m.RecordMany(values(s))
			if rejected != s.Rejected {
				r.t.Errorf("%d rejected, want %d", rejected, s.Rejected)
			}
		}
		return []error{err}
	}
	for _, value := range values(s) {
		if s.By == "name" {
			errs = append(errs, r.engine.RecordNamed(kind, name, value, tags...))
			continue
		}
		m, err := r.engine.Metric(kind, name, tags...)
		switch {
		case err != nil:
		case s.At != nil && s.Rate != nil:
			err = m.RecordSampledAt(value, *s.Rate, time.Unix(*s.At, 0))
		case s.At != nil:
			err = m.RecordAt(value, time.Unix(*s.At, 0))
		case s.Rate != nil:
			err = m.RecordSampled(value, *s.Rate)
		default:
			err = m.Record(value)
		}
		errs = append(errs, err)
	}
	return errs
}

func (r *run) entries(want []map[string]any, snapshot *pointmill.Snapshot) {
	if len(want) != snapshot.Len() {
		r.t.Errorf("%d entries, want %d", snapshot.Len(), len(want))
		return
	}
	key := func(kind, name string, tags []string, interval int64) string {
		sorted := slices.Sorted(slices.Values(tags))
		return fmt.Sprint(kind, "|", name, "|", strings.Join(slices.Compact(sorted), ","), "|", interval)
	}
	got := make(map[string]pointmill.Entry)
	for e := range snapshot.Entries() {
		got[key(e.Kind.String(), e.Name, e.Tags, e.Interval.Unix())] = e
	}
	for _, w := range want {
		var tags []string
		if list, ok := w["tags"].([]any); ok {
			for _, tag := range list {
				tags = append(tags, tag.(string))
			}
		}
		k := key(w["kind"].(string), w["name"].(string), tags, w["interval"].(int64))
		e, found := got[k]
		if !found {
			r.t.Errorf("no entry %s", k)
			continue
		}
		if points, ok := w["points"]; ok && number(points) != float64(e.Points) {
			r.t.Errorf("%s: %d points, want %v", k, e.Points, points)
		}
		if value, ok := w["value"]; ok && number(value) != e.Value {
			r.t.Errorf("%s: value %v, want %v", k, e.Value, value)
		}
		if e.Kind == pointmill.KindDistribution || e.Kind == pointmill.KindHistogram {
			sketch, err := e.Sketch()
			if err != nil {
				r.t.Error(err)
				continue
			}
			r.is(k, w, sketch)
		}
	}
}

func number(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return math.NaN()
}

func same(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a == b || a != a && b != b
}

// is compares what a case says of a sketch.
func (r *run) is(where string, want map[string]any, s *pointmill.Sketch) {
	summary, err := s.Summary()
	if err != nil {
		r.t.Fatal(err)
	}
	for name, got := range map[string]float64{"count": float64(summary.Count), "min": summary.Min, "max": summary.Max,
		"sum": summary.Sum, "avg": summary.Avg} {
		if w, ok := want[name]; ok && !same(number(w), got) {
			r.t.Errorf("%s: %s is %v, want %v", where, name, got, w)
		}
	}
	for name, ask := range map[string]func(float64) (float64, error){"quantiles": s.Quantile, "quantiles_agent": s.QuantileAgent} {
		pairs, _ := want[name].([]any)
		for _, pair := range pairs {
			q, w := number(pair.([]any)[0]), number(pair.([]any)[1])
			if got, err := ask(q); err != nil || !same(got, w) {
				r.t.Errorf("%s: %s %v is %v (%v), want %v", where, name, q, got, err, w)
			}
		}
	}
	if bins, ok := want["bins"].([]any); ok {
		keys, counts, err := s.Bins(pointmill.BinsU32)
		if err != nil || len(keys) != len(bins) {
			r.t.Errorf("%s: %d bins, want %d (%v)", where, len(keys), len(bins), err)
			return
		}
		for i, bin := range bins {
			if pair := bin.([]any); number(pair[0]) != float64(keys[i]) || number(pair[1]) != float64(counts[i]) {
				r.t.Errorf("%s: bin %d is [%d, %d], want %v", where, i, keys[i], counts[i], pair)
			}
		}
	}
}

func (r *run) encode(s step) []error {
	payloads, skipped, err := r.last.Encode(s.Options)
	if err != nil {
		return []error{err}
	}
	var bodies []string
	for _, payload := range payloads {
		bodies = append(bodies, string(payload.Body))
	}
	if s.Bodies != nil && !slices.Equal(bodies, *s.Bodies) {
		r.t.Errorf("bodies %q, want %q", bodies, *s.Bodies)
	}
	if s.Hexes != nil {
		for i := range bodies {
			bodies[i] = hex.EncodeToString([]byte(bodies[i]))
		}
		if !slices.Equal(bodies, *s.Hexes) {
			r.t.Errorf("bodies %q, want %q", bodies, *s.Hexes)
		}
	}
	if s.Skipped != nil {
		var got, want []string
		for _, k := range skipped {
			got = append(got, fmt.Sprint(k.Cause, k.Entries, k.Points, k.Values))
		}
		for _, k := range *s.Skipped {
			zero := func(name string) any {
				if v, ok := k[name]; ok {
					return v
				}
				return 0
			}
			want = append(want, fmt.Sprint(k["cause"], zero("entries"), zero("points"), zero("values")))
		}
		sort.Strings(got)
		sort.Strings(want)
		if !slices.Equal(got, want) {
			r.t.Errorf("skipped %v, want %v", got, want)
		}
	}
	return []error{nil}
}

var formats = map[string]pointmill.Format{"ddsketch_proto": pointmill.FormatDDSketchProto,
	"ddsketch_compact": pointmill.FormatDDSketchCompact, "agent": pointmill.FormatAgent}

func (r *run) sketchStep(s step) []error {
	switch s.Op {
	case "insert":
		into, all := r.sketch(s.Into), values(s)
		var errs []error
		for _, v := range all {
			switch {
			case s.N != nil:
				errs = append(errs, into.InsertN(v, *s.N))
			case s.Rate != nil:
				errs = append(errs, into.InsertSampled(v, *s.Rate))
			default:
				errs = append(errs, into.Insert(v))
			}
		}
		return errs
	case "interpolate":
		var n uint64
		if s.N != nil {
			n = *s.N
		}
		return []error{r.sketch(s.Into).InsertInterpolated(s.Lower, s.Upper, n)}
	case "merge_sketch":
		return []error{r.sketch(s.Into).Merge(r.sketch(s.From))}
	case "decode":
		data, err := hex.DecodeString(s.Hex)
		if err != nil {
			r.t.Fatal(err)
		}
		sketch, err := pointmill.DecodeSketch(data, formats[s.Format])
		if err == nil {
			name := s.Into
			if name == "" {
				name = "main"
			}
			r.sketches[name] = sketch
		}
		return []error{err}
	case "sketch":
		r.is("sketch", s.Is, r.sketch(s.Sketch))
		return []error{nil}
	case "encode_sketch":
		data, err := r.sketch(s.Sketch).Encode(formats[s.Format])
		if got := hex.EncodeToString(data); err == nil && got != s.Hex {
			r.t.Errorf("bytes %s, want %s", got, s.Hex)
		}
		return []error{err}
	case "quantile":
		got, err := r.sketch(s.Sketch).Quantile(s.Q)
		if err == nil && !same(got, s.Result) {
			r.t.Errorf("quantile %v is %v, want %v", s.Q, got, s.Result)
		}
		return []error{err}
	case "key":
		key, err := pointmill.SketchKey(*s.Value)
		if err == nil && float64(key) != s.Result {
			r.t.Errorf("key %d, want %v", key, s.Result)
		}
		return []error{err}
	}
	r.t.Fatalf("no operation %q", s.Op)
	return nil
}
