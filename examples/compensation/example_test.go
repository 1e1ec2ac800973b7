//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// order 1, try 1: paper jam
	// order 1, try 2: paper jam
	// order 1, try 3: printed
	// order 2, try 1: no such seat
	// order 2: the card is refunded
	// order 2: the card stays refunded
	// order 2: the seat is free
	// order 2: the seat stays free
	// order 3, try 1: paper jam
	// order 3, try 2: paper jam
	// order 3, try 3: paper jam
	// order 3: the card is refunded
	// order 3: the card stays refunded
	// order 3: the seat is free
	// order 3: the seat stays free
}
