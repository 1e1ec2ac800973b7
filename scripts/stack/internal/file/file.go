// Package file writes the small files that the calls of the command share.
package file

import (
	"fmt"
	"os"
)

// Replace replaces path whole, so that a reader never sees half a file.
func Replace(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("replace file: %w", err)
	}
	return nil
}
