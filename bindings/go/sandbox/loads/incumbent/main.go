// A program that only imports datadog-lambda-go.
package main

import _ "github.com/DataDog/datadog-lambda-go"

func main() {}
