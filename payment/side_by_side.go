package payment

import "golang.org/x/sync/errgroup"

// sideBySide calls do for each row, workers of them at once, and returns when all have returned.
func sideBySide[T any](rows []T, workers int, do func(T)) {
	var group errgroup.Group
	group.SetLimit(workers)
	for _, row := range rows {
		group.Go(func() error { do(row); return nil })
	}
	_ = group.Wait() // no call fails
}
