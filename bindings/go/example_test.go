package pointmill_test

import (
	"fmt"
	"time"

	"github.com/pointmill/pointmill/bindings/go"
)

func Example() {
	engine, err := pointmill.NewEngine(nil)
	if err != nil {
		panic(err)
	}
	defer engine.Close()
	engine.Tick(time.Unix(1_700_000_000, 0))

	latency, err := engine.Distribution("checkout.latency", "env:prod", "zone:a")
	if err != nil {
		panic(err)
	}
	for ms := 1; ms <= 1000; ms++ {
		latency.Record(float64(ms))
	}
	engine.RecordCount("checkout.done", 1, "env:prod")

	snapshot, err := engine.Flush(time.Unix(1_700_000_010, 0), pointmill.FlushClosed)
	if err != nil {
		panic(err)
	}
	defer snapshot.Close()
	for entry := range snapshot.Entries() {
		if entry.Kind == pointmill.KindDistribution {
			p99, _ := entry.Quantile(0.99) // within 1/129 of 990
			fmt.Printf("%s %v p99 = %.0f\n", entry.Name, entry.Tags, p99)
		}
	}
	// Output: checkout.latency [env:prod zone:a] p99 = 992
}
