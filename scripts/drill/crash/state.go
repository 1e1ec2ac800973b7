package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"boxoffice/scripts/wait"
)

const lookPause = 5 * time.Millisecond

// drill is one run.
type drill struct {
	options Options
	site    *site
	traffic *traffic
	books   *books
	random  *rand.Rand
	verdict *Verdict
	out     io.Writer
	until   time.Time       // zero: no limit
	done    map[string]bool // statements at which a connection was cut, before and afterwards
	cold    map[string]bool // statements that did not come by: those of a start
	killed  int
	cut     int
	rested  int // faults of the kind that is counted, when the office last came to rest
}

// isOver tells whether enough was broken. The statements of the first cuts may all be such as do not come by, so that a short run,
// of few cuts and a time, goes on until it has cut a connection.
func (d *drill) isOver() bool {
	isBroken := d.killed >= d.options.Kills && (d.options.Cuts <= 0 || d.until.IsZero() || d.cut > 0)
	return isBroken || d.isLate()
}

// isLate tells whether the drill's time is over.
func (d *drill) isLate() bool { return !d.until.IsZero() && time.Now().After(d.until) }

// when is a statement's moment and database: before stock.
func when(statement string) string {
	moment, _, _ := strings.Cut(statement, ":")
	if strings.Contains(statement, ": COMMIT") {
		return moment + ", COMMIT"
	}
	return moment
}

// statements are those that the office has run until now, before and afterwards.
func (d *drill) statements() []string {
	seen, err := os.ReadFile(d.site.seen)
	if err != nil {
		return nil // none yet
	}
	var all []string
	for line := range strings.Lines(string(seen)) {
		for _, moment := range []string{"before ", "after "} {
			all = append(all, moment+strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// uncut are the statements of which a connection was not cut yet.
func (d *drill) uncut() []string {
	return slices.DeleteFunc(d.statements(), func(s string) bool { return d.done[s] })
}

// arm asks the office for an act where it passes next.
func (d *drill) arm(act string, chance float64, at string) error {
	next := filepath.Join(d.site.dir, "next")
	if err := os.WriteFile(next, fmt.Appendf(nil, "%s\t%f\t%s", act, chance, at), 0o600); err != nil {
		return fmt.Errorf("arm: %w", err)
	}
	if err := os.Rename(next, d.site.armed); err != nil {
		return fmt.Errorf("arm: %w", err)
	}
	return nil
}

// awaitArmed waits until the office has done what it was asked for, or takes the order back. It tells which.
func (d *drill) awaitArmed(ctx context.Context, limit time.Duration) (bool, error) {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if _, err := os.Stat(d.site.armed); errors.Is(err, os.ErrNotExist) {
			return true, nil
		}
		if !wait.For(ctx, lookPause) {
			return false, ctx.Err()
		}
	}
	err := os.Remove(d.site.armed)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	return false, err
}
