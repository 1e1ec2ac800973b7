//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package commitlog

import (
	"errors"
	"fmt"
	"io"
)

// lockDir refuses: without a lock two processes could write one log.
func lockDir(dir string) (io.Closer, error) {
	return nil, fmt.Errorf("lock %s: %w", dir, errors.ErrUnsupported)
}
