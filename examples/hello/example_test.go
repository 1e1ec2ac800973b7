//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// sent: hello, whoever you are
	// a reader has started, and got: hello, whoever you are
	// sent again, and got: hello, reader
}
