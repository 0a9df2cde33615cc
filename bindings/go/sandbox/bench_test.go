package sandbox

// Speed beside what there is today: datadog-lambda-go's Metric and datadog-go's DogStatsD client, in one
// run. Every benchmark checks that what it recorded is there.
//
//	go test -run '^$' -bench . -count 6 | tee new.txt && benchstat -col /by new.txt

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/DataDog/datadog-go/v5/statsd"
	incumbent "github.com/DataDog/datadog-lambda-go"

	"github.com/pointmill/pointmill/bindings/go"
	"github.com/pointmill/pointmill/bindings/go/ddlambda"
)

func newEngine(b *testing.B) *pointmill.Engine {
	engine, err := pointmill.NewEngine(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { engine.Close() })
	engine.Tick(time.Now())
	return engine
}

func recorded(b *testing.B, engine *pointmill.Engine, want int) {
	b.StopTimer()
	if stats, err := engine.Stats(); err != nil || stats.Recorded != uint64(want) || !stats.Balances() {
		b.Fatalf("%+v, %v", stats, err)
	}
}

// agent is a socket that takes and forgets, with aggregation in the client as DogStatsD has it at best.
func newStatsd(b *testing.B) *statsd.Client {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { socket.Close() })
	go func() {
		for buf := make([]byte, 1<<16); ; {
			if _, _, err := socket.ReadFrom(buf); err != nil {
				return
			}
		}
	}()
	client, err := statsd.New(socket.LocalAddr().String(), statsd.WithExtendedClientSideAggregation())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.Close() })
	return client
}

func BenchmarkHeld(b *testing.B) {
	b.Run("by=pointmill", func(b *testing.B) {
		engine := newEngine(b)
		d, _ := engine.Distribution("request.duration", "route:/cart", "env:prod")
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			d.Record(float64(i&1023) + 1)
		}
		recorded(b, engine, b.N)
	})
}

// The time a goroutine spends on one record while another does the same.
func BenchmarkHeldTwoGoroutines(b *testing.B) {
	b.Run("by=pointmill", func(b *testing.B) {
		engine := newEngine(b)
		d, _ := engine.Distribution("request.duration", "route:/cart", "env:prod")
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
		recorded(b, engine, 2*b.N)
	})
}

// The same with an engine for each: what two goroutines cost each other on a machine anyway.
func BenchmarkHeldTwoEngines(b *testing.B) {
	b.Run("by=pointmill", func(b *testing.B) {
		engines := []*pointmill.Engine{newEngine(b), newEngine(b)}
		var wg sync.WaitGroup
		b.ResetTimer()
		for _, engine := range engines {
			wg.Go(func() {
				d, _ := engine.Distribution("request.duration", "route:/cart", "env:prod")
				for i := range b.N {
					d.Record(float64(i&1023) + 1)
				}
			})
		}
		wg.Wait()
		for _, engine := range engines {
			recorded(b, engine, b.N)
		}
	})
}

func BenchmarkNamedTwoTags(b *testing.B) {
	b.Run("by=pointmill", func(b *testing.B) {
		engine := newEngine(b)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			engine.RecordDistribution("request.duration", float64(i&1023)+1, "route:/cart", "env:prod")
		}
		recorded(b, engine, b.N)
	})
	b.Run("by=datadog-go", func(b *testing.B) {
		client := newStatsd(b)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			client.Distribution("request.duration", float64(i&1023)+1, []string{"route:/cart", "env:prod"}, 1)
		}
		b.StopTimer()
		if n := client.GetTelemetry().TotalMetricsDistribution; n != uint64(b.N) {
			b.Fatalf("%d of %d", n, b.N)
		}
	})
}

func BenchmarkFlush1000Points20Contexts(b *testing.B) {
	b.Run("by=pointmill", func(b *testing.B) {
		engine := newEngine(b)
		tags := []string{"a:0", "b:1", "c:2", "d:3", "e:4", "f:5", "g:6", "h:7", "i:8", "j:9"}
		for i := range b.N {
			b.StopTimer()
			for j := range 1000 {
				engine.RecordDistribution("d", float64(j), tags[j%10], tags[j/500])
			}
			b.StartTimer()
			snapshot, err := engine.Flush(time.Now().Add(time.Duration(i)*time.Second), pointmill.FlushAll)
			if err != nil {
				b.Fatal(err)
			}
			payloads, _, err := snapshot.Encode(nil)
			if err != nil || len(payloads) != 1 || payloads[0].Points != 1000 {
				b.Fatal(payloads, err)
			}
			snapshot.Close()
		}
	})
}

// The drop-in call within an invocation, in HTTP mode, its flush included.
func BenchmarkLambdaMetric(b *testing.B) {
	b.Setenv("DD_ENHANCED_METRICS", "false")
	b.Setenv("DD_TRACE_ENABLED", "false")
	b.Setenv("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
	for name, invoke := range map[string]func(b *testing.B, url string){
		"by=pointmill": func(b *testing.B, url string) {
			cfg := &ddlambda.Config{APIKey: "k", Site: url}
			before := uint64(0)
			ddlambda.InvokeDryRun(func(context.Context) {
				ddlambda.Metric("coffee.orders", 1, "size:large", "env:prod")
				before = ddlambda.ReadStats().Recorded
				b.ResetTimer()
				for i := range b.N {
					ddlambda.Metric("coffee.orders", float64(i&1023)+1, "size:large", "env:prod")
				}
				b.StopTimer()
			}, cfg)
			stats := ddlambda.ReadStats()
			if stats.Recorded-before != uint64(b.N) || stats.Accepted != stats.Recorded {
				b.Fatalf("%+v, %s", stats, ddlambda.LastFailure())
			}
		},
		"by=datadog-lambda-go": func(b *testing.B, url string) {
			cfg := &incumbent.Config{APIKey: "k", Site: url}
			incumbent.InvokeDryRun(func(context.Context) {
				b.ResetTimer()
				for i := range b.N {
					incumbent.Metric("coffee.orders", float64(i&1023)+1, "size:large", "env:prod")
				}
				b.StopTimer()
			}, cfg)
		},
	} {
		b.Run(name, func(b *testing.B) {
			var arrived atomic.Int64
			intake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				var message struct {
					Series []struct{ Points []json.RawMessage }
				}
				if json.Unmarshal(body, &message) == nil {
					for _, series := range message.Series {
						arrived.Add(int64(len(series.Points)))
					}
				}
				w.WriteHeader(202)
			}))
			defer intake.Close()
			b.ReportAllocs()
			invoke(b, intake.URL)
			if name != "by=pointmill" && arrived.Load() != int64(b.N) {
				b.Fatalf("%d of %d have arrived", arrived.Load(), b.N)
			}
		})
	}
}

// What an import adds to the start of a program: the median of the whole process, beside one that imports
// nothing.
func BenchmarkLoad(b *testing.B) {
	programs := []string{"bare", "engine", "lambda", "incumbent"}
	names := make([]string, len(programs))
	for i, program := range programs {
		names[i] = "loads/" + program
	}
	folder := build(names...)
	const rounds = 200
	took := make(map[string][]time.Duration)
	for range rounds {
		for _, program := range programs { // in turns, so that a busy moment hits all of them
			start := time.Now()
			if err := exec.Command(filepath.Join(folder, program)).Run(); err != nil {
				b.Fatal(err)
			}
			took[program] = append(took[program], time.Since(start))
		}
	}
	for _, program := range programs {
		slices.Sort(took[program])
		b.ReportMetric(float64(took[program][rounds/2].Microseconds())/1000, program+"-ms")
	}
	b.ReportMetric(0, "ns/op")
}
