//go:build !race

package main

import (
	"fmt"
	"os"
)

func Example() {
	if err := run("", os.Stdout); err != nil {
		fmt.Println(err)
	}
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
