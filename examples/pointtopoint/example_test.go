//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// 8 orders sent
	// packed: 8 orders, by 2 members that share them
	// counted by the statistics: 8 orders
}
