//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// a producer: started
	// another producer of its group: refused, producer group has been created
	// the first producer still sends
	// another producer with an instance name of its own: started
	// a consumer: started
	// another consumer of its group: refused, consumer group has been created
	// another consumer with an instance name of its own: started
}
