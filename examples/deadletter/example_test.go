//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// order 1: 10 EUR fails, try 1
	// order 2: 80 CNY is billed, key "order 2"
	// 10s later
	// order 1: 10 EUR fails, try 2
	// 30s later
	// order 1: 10 EUR fails, try 3
	// an operator finds a dead letter: order 1: 10 EUR
	// the program is mended, and the letter is sent again
	// order 1: 10 EUR is billed, key "order 1"
}
