// The function under test over pointmill's ddlambda.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/pointmill/pointmill/bindings/go/ddlambda"

	"github.com/pointmill/pointmill/bindings/go/sandbox/function"
)

func main() {
	function.Start(function.Layer{
		Metric:              ddlambda.Metric,
		MetricWithTimestamp: ddlambda.MetricWithTimestamp,
		Wrap:                func(handler interface{}) interface{} { return ddlambda.WrapFunction(handler, nil) },
		WrapInterface:       func(handler lambda.Handler) lambda.Handler { return ddlambda.WrapLambdaHandlerInterface(handler, nil) },
		AtEnd: func() {
			ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
			defer cancel()
			ddlambda.Close(ctx)
		},
	})
}
