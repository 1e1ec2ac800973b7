package payment

import "sync"

// sideBySide calls do for each row, workers of them at once, and returns when all have returned.
func sideBySide[T any](rows []T, workers int, do func(T)) {
	slots := make(chan struct{}, workers)
	var running sync.WaitGroup
	for _, row := range rows {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			do(row)
		})
	}
	running.Wait()
}
