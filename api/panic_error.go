package api

import (
	"fmt"
	"runtime/debug"
)

// panicError makes an error of a handler's panic: its value and its stack go into the log, and never to the caller.
func panicError(cause any) error {
	return fmt.Errorf("handler panicked: %v\n%s", cause, debug.Stack())
}
