//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// 12 members are in the room
	// ann: who has a ticket for tonight?
	// ben: me, two of them
	// ann: then meet me at eight
	// each member has heard each line
	// mia comes late, and reads what was said:
	// mia hears ann: then meet me at eight
	// mia hears ann: who has a ticket for tonight?
	// mia hears ben: me, two of them
}
