// The function under test over datadog-lambda-go.
package main

import (
	ddlambda "github.com/DataDog/datadog-lambda-go"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/pointmill/pointmill/bindings/go/sandbox/function"
)

func main() {
	function.Start(function.Layer{
		Metric:              ddlambda.Metric,
		MetricWithTimestamp: ddlambda.MetricWithTimestamp,
		Wrap:                func(handler interface{}) interface{} { return ddlambda.WrapFunction(handler, nil) },
		WrapInterface:       func(handler lambda.Handler) lambda.Handler { return ddlambda.WrapLambdaHandlerInterface(handler, nil) },
	})
}
