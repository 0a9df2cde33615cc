package pointmill_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pointmill/pointmill/bindings/go"
)

func Example() {
	engine, err := pointmill.NewEngine(nil)
	if err != nil {
		panic(err)
	}
	defer engine.Close()

	latency, err := engine.Distribution("checkout.latency", "env:prod", "zone:a")
	if err != nil {
		panic(err)
	}
	for ms := 1; ms <= 1000; ms++ {
		latency.Record(float64(ms)) // a held metric: the fast way
	}
	engine.RecordCount("checkout.done", 1, "env:prod") // by name

	snapshot, err := engine.Flush(time.Now(), pointmill.FlushAll)
	if err != nil {
		panic(err)
	}
	defer snapshot.Close()
	for entry := range snapshot.Entries() {
		if p99, err := entry.Quantile(0.99); err == nil { // within 1/129 of 990
			fmt.Printf("%s %v p99 = %.0f\n", entry.Name, entry.Tags, p99)
		}
	}
	// Output: checkout.latency [env:prod zone:a] p99 = 992
}

func ExampleClient() {
	intake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		fmt.Println("POST", r.URL.Path)
		w.WriteHeader(202)
	}))
	defer intake.Close()
	os.Setenv("DD_API_KEY", "key")
	os.Setenv("DATADOG_HOST", intake.URL)

	client, err := pointmill.NewClient(pointmill.Options{"api_key": os.Getenv("DD_API_KEY"), "url": os.Getenv("DATADOG_HOST")})
	if err != nil {
		panic(err)
	}
	client.Engine().RecordDistribution("checkout.latency", 12.5, "env:prod")

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := client.Close(ctx); err != nil { // ErrDeliveryLater: it is in the spool, if there is one
		log.Print(err, client.LastFailure())
	}
	fmt.Printf("accepted %d\n", client.Stats().Accepted)
	// Output:
	// POST /api/beta/sketches
	// accepted 1
}

// The README shows what the examples above run.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var source []string
	for _, file := range []string{"example_test.go", "sandbox/readme/main.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, unindented(string(text)))
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) != 3 {
		t.Errorf("%d blocks", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(strings.Join(source, ""), unindented(block)) {
			t.Errorf("no example runs this:\n%s", block)
		}
	}
}

func unindented(text string) string { return strings.ReplaceAll(text, "\t", "") }
