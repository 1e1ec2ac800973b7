package traffic

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

const barTick = 200 * time.Millisecond

// ShowProgress draws a bar on out until stop is called, and nothing when out is not a terminal. done says how far it
// is, from 0 to total.
func ShowProgress(ctx context.Context, out io.Writer, what string, total int64, done func() int64) (stop func()) {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func() {}
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(barTick)
		defer ticker.Stop()
		for {
			// A bar that cannot be drawn is no reason to stop what it shows.
			_ = bar.Set64(min(done(), total-1))
			select {
			case <-ctx.Done():
				_ = bar.Clear()
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { cancel(); <-ended }
}
