// Boxoffice sells tickets, or any scarce stock, exactly once at high concurrency.
package main

import (
	"os"

	"boxoffice/app"
)

func main() {
	os.Exit(app.Main(os.Args[1:], os.Environ(), os.Getenv, os.Stdout, os.Stderr))
}
