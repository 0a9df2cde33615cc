// Package function is the Lambda function under test: one handler, over whichever layer is given.
package function

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Layer is what a layer offers.
type Layer struct {
	Metric              func(metric string, value float64, tags ...string)
	MetricWithTimestamp func(metric string, value float64, timestamp time.Time, tags ...string)
	Wrap                func(handler interface{}) interface{}
	WrapInterface       func(handler lambda.Handler) lambda.Handler
	AtEnd               func() // on SIGTERM; nil: nothing is done then
}

// Event says what an invocation does.
type Event struct {
	Points []Point
	Timed  []Point
	Many   int
	Sleep  int // seconds
	Spin   bool
	Raise  string
	Panic  string
	Exit   int
	After  []Point // recorded by a goroutine that the answer does not wait for
	Await  bool    // waits for the goroutines of earlier invocations
	Answer any
}

// Point is one call of a layer.
type Point struct {
	Name  string
	Value float64
	Tags  []string
	Unix  int64
}

// Start runs the function; _HANDLER chooses the way it is wrapped.
func Start(layer Layer) {
	calls := 0
	var others sync.WaitGroup
	handle := func(_ context.Context, event Event) (any, error) {
		calls++
		for _, p := range event.Points {
			layer.Metric(p.Name, p.Value, p.Tags...)
		}
		for _, p := range event.Timed {
			layer.MetricWithTimestamp(p.Name, p.Value, time.Unix(p.Unix, 0), p.Tags...)
		}
		for i := range event.Many {
			layer.Metric(fmt.Sprintf("many.%d", i%20), 1+float64(i)*0.75, fmt.Sprintf("shard:%d", i%20), "env:test")
		}
		if event.After != nil {
			others.Go(func() {
				time.Sleep(50 * time.Millisecond)
				for _, p := range event.After {
					layer.Metric(p.Name, p.Value, p.Tags...)
				}
			})
		}
		if event.Await {
			others.Wait()
		}
		time.Sleep(time.Duration(event.Sleep) * time.Second)
		for event.Spin {
		}
		if event.Panic != "" {
			panic(event.Panic)
		}
		if event.Raise != "" {
			return nil, errors.New(event.Raise)
		}
		if event.Exit != 0 {
			os.Exit(event.Exit)
		}
		if event.Answer != nil {
			return event.Answer, nil
		}
		return map[string]int{"calls": calls}, nil
	}
	var options []lambda.Option
	if layer.AtEnd != nil {
		options = append(options, lambda.WithEnableSIGTERM(layer.AtEnd))
	}
	if os.Getenv("_HANDLER") == "interface" {
		lambda.StartWithOptions(layer.WrapInterface(lambda.NewHandler(handle)), options...)
	}
	lambda.StartWithOptions(layer.Wrap(handle), options...)
}
