// Package judges decodes what pointmill writes with Datadog's own published modules and compares.
package judges

import (
	"bufio"
	"compress/gzip"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/DataDog/agent-payload/v5/gogen"
	"github.com/DataDog/opentelemetry-mapping-go/pkg/quantile"
	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/pb/sketchpb"
	"github.com/DataDog/sketches-go/ddsketch/store"
	"google.golang.org/protobuf/proto"

	"github.com/pointmill/pointmill/bindings/go"
)

var quantiles = []float64{0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1}

// flights are the arrival delays of a month, by origin, in order of time.
func flights(t *testing.T) map[string][]float64 {
	t.Helper()
	file, err := os.Open("../../../testdata/flights-2001-01.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	delays := make(map[string][]float64)
	lines := bufio.NewScanner(unpacked)
	lines.Scan() // unix_s,delay_min,distance_mi,origin,destination
	for lines.Scan() {
		cells := strings.Split(lines.Text(), ",")
		delay, err := strconv.ParseFloat(cells[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		delays[cells[3]] = append(delays[cells[3]], delay)
	}
	if len(delays) < 200 {
		t.Fatalf("only %d origins", len(delays))
	}
	return delays
}

// agentSketch is the Agent's own sketch of the values.
func agentSketch(values []float64) *quantile.Sketch {
	var agent quantile.Agent
	for _, v := range values {
		agent.Insert(v, 1)
	}
	return agent.Finish()
}

func ours(t *testing.T, values []float64) *pointmill.Sketch {
	t.Helper()
	s, err := pointmill.NewSketch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.InsertMany(values); err != nil {
		t.Fatal(err)
	}
	return s
}

func near(a, b, tolerance float64) bool {
	return a == b || math.Abs(a-b) <= tolerance*max(math.Abs(a), math.Abs(b))
}

// A sketch equals the Agent's in every bin, in count, min, max, sum and avg, and in its quantiles, bit for bit.
func TestSketchesAreTheAgents(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	cases := flights(t)
	for _, n := range []int{1, 2, 3, 100, 50_000} {
		values := make([]float64, n)
		for i := range values {
			values[i] = math.Exp(3 * random.NormFloat64())
		}
		cases["lognormal "+strconv.Itoa(n)] = values
	}
	for name, values := range cases {
		theirs, mine := agentSketch(values), ours(t, values)
		keys, counts, err := mine.Bins(pointmill.BinsU16)
		if err != nil {
			t.Fatal(err)
		}
		theirKeys, theirCounts := theirs.Cols()
		if !slices.EqualFunc(keys, theirKeys, func(a int16, b int32) bool { return int32(a) == b }) || !slices.Equal(counts, theirCounts) {
			t.Errorf("%s: bins differ", name)
		}
		summary, _ := mine.Summary()
		basic := theirs.Basic
		if int64(summary.Count) != basic.Cnt || summary.Min != basic.Min || summary.Max != basic.Max || summary.Sum != basic.Sum || summary.Avg != basic.Avg {
			t.Errorf("%s: summary %+v, the Agent's %+v", name, summary, basic)
		}
		for _, q := range quantiles {
			got, _ := mine.QuantileAgent(q)
			if want := theirs.Quantile(quantile.Default(), q); got != want {
				t.Errorf("%s: quantile %v is %v, the Agent's %v", name, q, got, want)
			}
		}
	}
}

// The Agent's protobuf module reads a sketch payload and finds every context with its bins.
func TestSketchPayloadsAreReadByAgentPayload(t *testing.T) {
	delays := flights(t)
	engine, err := pointmill.NewEngine(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	start := time.Unix(1_700_000_000, 0)
	engine.Tick(start)
	for origin, values := range delays {
		for _, v := range values {
			if err := engine.RecordDistribution("flight.delay", v, "origin:"+origin, "env:test"); err != nil {
				t.Fatal(err)
			}
		}
	}
	snapshot, err := engine.Flush(start.Add(10*time.Second), pointmill.FlushClosed)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	payloads, skipped, err := snapshot.Encode(pointmill.Options{"format": "sketches", "compression": "none"})
	if err != nil || len(skipped) != 0 {
		t.Fatal(err, skipped)
	}
	seen := 0
	for _, payload := range payloads {
		var message gogen.SketchPayload
		if err := message.Unmarshal(payload.Body); err != nil {
			t.Fatal(err)
		}
		for _, sketch := range message.Sketches {
			seen++
			if sketch.Metric != "flight.delay" || len(sketch.Tags) != 2 || sketch.Tags[0] != "env:test" || len(sketch.Dogsketches) != 1 {
				t.Fatalf("%+v", sketch)
			}
			origin := strings.TrimPrefix(sketch.Tags[1], "origin:")
			theirs, got := agentSketch(delays[origin]), sketch.Dogsketches[0]
			keys, counts := theirs.Cols()
			if !slices.Equal(got.K, keys) || !slices.Equal(got.N, counts) {
				t.Errorf("%s: bins differ", origin)
			}
			// Points of one goroutine may pass through two of the engine's lanes, whose sums are then added:
			// the last bits of sum and avg depend on that, nothing else does.
			basic := theirs.Basic
			if got.Ts != start.Unix() || got.Cnt != basic.Cnt || got.Min != basic.Min || got.Max != basic.Max ||
				!near(got.Sum, basic.Sum, 1e-12) || !near(got.Avg, basic.Avg, 1e-12) {
				t.Errorf("%s: %+v, the Agent's %+v", origin, got, basic)
			}
		}
	}
	if seen != len(delays) {
		t.Errorf("%d contexts arrived, want %d", seen, len(delays))
	}
}

// sketches-go reads both DDSketch forms and answers within the sketch's accuracy of the exact element.
func TestDDSketchesAreReadBySketchesGo(t *testing.T) {
	for origin, values := range flights(t) {
		mine := ours(t, values)
		sorted := slices.Sorted(slices.Values(values))
		for name, theirs := range map[string]*ddsketch.DDSketch{"proto": fromProto(t, mine), "compact": fromCompact(t, mine)} {
			if theirs.GetCount() != float64(len(values)) {
				t.Fatalf("%s %s: count %v", origin, name, theirs.GetCount())
			}
			for _, q := range quantiles {
				got, err := theirs.GetValueAtQuantile(q)
				if err != nil {
					t.Fatal(err)
				}
				// Their rank is the whole number below q·(n-1) among positive values, above it among negative ones.
				rank := q * float64(len(sorted)-1)
				below, above := sorted[int(rank)], sorted[int(math.Ceil(rank))]
				if !near(got, below, 1.0/129+1e-9) && !near(got, above, 1.0/129+1e-9) {
					t.Errorf("%s %s: quantile %v is %v, the elements %v and %v", origin, name, q, got, below, above)
				}
			}
		}
	}
}

func fromProto(t *testing.T, s *pointmill.Sketch) *ddsketch.DDSketch {
	data, err := s.Encode(pointmill.FormatDDSketchProto)
	if err != nil {
		t.Fatal(err)
	}
	var message sketchpb.DDSketch
	if err := proto.Unmarshal(data, &message); err != nil {
		t.Fatal(err)
	}
	sketch, err := ddsketch.FromProto(&message)
	if err != nil {
		t.Fatal(err)
	}
	return sketch
}

func fromCompact(t *testing.T, s *pointmill.Sketch) *ddsketch.DDSketch {
	data, err := s.Encode(pointmill.FormatDDSketchCompact)
	if err != nil {
		t.Fatal(err)
	}
	sketch, err := ddsketch.DecodeDDSketchWithExactSummaryStatistics(data, store.DefaultProvider, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sketch.DDSketch
}

// A DDSketch that sketches-go wrote, of another mapping, is spread over the Agent's bins as this module
// does it, to less than one count at any key: the published module that can be had (0.20) carries the
// fractions of a count to the right, the Agent of today, whose vectors the Rust tests hold bit for bit,
// rounds the running total.
func TestDDSketchesOfSketchesGoAreConverted(t *testing.T) {
	for origin, values := range flights(t) {
		logarithmic, err := mapping.NewLogarithmicMapping(0.01)
		if err != nil {
			t.Fatal(err)
		}
		source := ddsketch.NewDDSketch(logarithmic, store.NewDenseStore(), store.NewDenseStore())
		for _, v := range values {
			source.Add(v)
		}
		data, err := proto.Marshal(source.ToProto())
		if err != nil {
			t.Fatal(err)
		}
		mine, err := pointmill.DecodeSketch(data, pointmill.FormatDDSketchProto)
		if err != nil {
			t.Fatal(err)
		}
		if len(values) == 1 {
			continue // one value is inserted as itself, without a remapping
		}
		theirs, err := quantile.ConvertDDSketchIntoSketch(source)
		if err != nil {
			t.Fatal(err)
		}
		keys, counts, _ := mine.Bins(pointmill.BinsU16)
		theirKeys, theirCounts := theirs.Cols()
		change := make(map[int]int) // by key: our count less theirs
		for i, key := range keys {
			change[int(key)] += int(counts[i])
		}
		for i, key := range theirKeys {
			change[int(key)] -= int(theirCounts[i])
		}
		ahead := 0
		for _, key := range slices.Sorted(maps.Keys(change)) {
			if ahead += change[key]; ahead < 0 || ahead > 1 {
				t.Errorf("%s: at key %d we are %d counts ahead", origin, key, ahead)
			}
		}
		if ahead != 0 {
			t.Errorf("%s: the totals differ by %d", origin, ahead)
		}
		mine.Close()
	}
}
