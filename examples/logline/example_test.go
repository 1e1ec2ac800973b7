//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// morning: 60 lines written, the index 0 behind, 6 alarms
	// noon, while the index is away: 120 lines written, the index 60 behind, 12 alarms
	// evening, when the index is back: 120 lines written, the index 0 behind, 12 alarms
}
