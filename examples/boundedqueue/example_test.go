package main

import (
	"fmt"
	"os"
)

// A channel bounds what one process sells; a topic bounds what all of them sell, and outlives them.
func Example() {
	if err := run("", os.Stdout); err != nil {
		fmt.Fprintln(os.Stdout, err)
	}
	// Output:
	// channel: ann: a place
	// channel: ben: a place
	// channel: cat: a place
	// channel: dan: sold out
	// channel: eve, elsewhere: a place
	// channel: fay: ended
	// channel: 4 places are promised, and gone with the processes
	// topic: ann: a place
	// topic: ben: a place
	// topic: cat: a place
	// topic: dan: sold out
	// topic: eve, elsewhere: sold out
	// topic: fay: ended
	// topic: a worker that starts later finds map[0:ann 1:ben 2:cat]
}
