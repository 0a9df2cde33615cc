// A program that only imports ddlambda.
package main

import _ "github.com/pointmill/pointmill/bindings/go/ddlambda"

func main() {}
