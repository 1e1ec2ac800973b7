package payment

import (
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// sideBySide calls do for each row, workers of them at once, and returns when all have returned. After the first error, which
// it returns, it begins with no other row.
func sideBySide[T any](rows []T, workers int, do func(T) error) error {
	var stopped atomic.Bool
	var group errgroup.Group
	group.SetLimit(workers)
	for _, row := range rows {
		group.Go(func() error {
			if stopped.Load() {
				return nil
			}
			err := do(row)
			if err != nil {
				stopped.Store(true)
			}
			return err
		})
	}
	return group.Wait()
}
