package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/pointmill/pointmill/bindings/go/ddlambda" // was: github.com/DataDog/datadog-lambda-go
)

func main() {
	lambda.Start(ddlambda.WrapFunction(handle, nil))
}

func handle(ctx context.Context, order struct{ Size string }) error {
	ddlambda.Metric("coffee.orders", 1, "size:"+order.Size, "env:prod")
	return nil
}
