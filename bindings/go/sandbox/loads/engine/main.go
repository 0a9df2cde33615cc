// A program that only imports the package.
package main

import _ "github.com/pointmill/pointmill/bindings/go"

func main() {}
