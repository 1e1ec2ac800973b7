package main

import (
	"fmt"
	"os"
	"time"
)

// say prints one line of progress.
func say(what string) { _, _ = fmt.Fprintln(os.Stdout, time.Now().Format("15:04:05"), what) }
