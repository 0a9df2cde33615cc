// A program that does nothing, to measure what an import adds to its start.
package main

func main() {}
