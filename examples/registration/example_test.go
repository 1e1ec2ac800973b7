package main

import (
	"fmt"
	"os"
)

// The answer of a registration does not wait for mail and SMS when a queue takes them on.
func Example() {
	if err := run("", os.Stdout); err != nil {
		fmt.Fprintln(os.Stdout, err)
	}
	// Output:
	// serial: 1 user registered, answered after the mail and the SMS
	// queue: 5 users registered, answered in less than a tenth of that time: true
	// queue: 10 mails and SMS have followed
}
