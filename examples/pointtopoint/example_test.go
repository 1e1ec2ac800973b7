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
	// 8 orders sent
	// packed: 8 orders, by 2 members that share them
	// counted by the statistics: 8 orders
}
