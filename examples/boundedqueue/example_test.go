//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// channel, first office: ann: a place
	// channel, first office: ben: a place
	// channel, first office: cat: a place
	// channel, first office: dan: sold out
	// channel, second office: eve: a place
	// channel, second office: fay: ended
	// channel, in a process that starts later: the buyers are []
	// topic, first office: ann: a place
	// topic, first office: ben: a place
	// topic, first office: cat: a place
	// topic, first office: dan: sold out
	// topic, second office: eve: sold out
	// topic, second office: fay: ended
	// topic, in a process that starts later: the buyers are [ann ben cat]
}
