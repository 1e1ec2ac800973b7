//go:build !unix

package process

import (
	"context"
	"time"
)

// LockDir does nothing here: Docker compose orders concurrent calls itself.
func LockDir(context.Context, string, time.Duration) (unlock func(), err error) {
	return func() {}, nil
}
