//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// one after the other: ann is registered, and answered after her mail and her SMS
	// with a queue: 5 users are registered
	// with a queue: answered in less than a tenth of the time: true
	// with a queue: 10 mails and SMS have followed
}
