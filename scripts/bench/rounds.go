package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"boxoffice/scripts/load/traffic"
)

const poolDuration = 400 * time.Millisecond // of the try of one pool size

// errVoid says that a measurement broke an invariant or could not be made, so that the run as a whole does not count.
var errVoid = errors.New("measurements are void")

// poolSizes are tried for the tuned baselines, and the best is kept.
func poolSizes() []int { return []int{1, 4, 16, 64} }

// prepare makes what measurements share: the best pools of the tuned baselines, the programs, and prefilled data.
func (b *bench) prepare(ctx context.Context) (err error) {
	names := measurementNames(b.only)
	needs := func(measurement string) bool { return slices.Contains(names, measurement) }
	if needs("tuned") || needs("tuned alone") {
		if b.pools["tuned"], err = b.bestPool(ctx, openTuned); err != nil {
			return fmt.Errorf("try pools of the tuned listener: %w", err)
		}
	}
	if needs("plain") || needs("pay each") || needs("expiry each") {
		if b.pools["plain"], err = b.bestPool(ctx, openPlain); err != nil {
			return fmt.Errorf("try pools of plain SQL: %w", err)
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, " HTTP") }) {
		if b.servers, err = b.buildServers(ctx); err != nil {
			return err
		}
	}
	for _, data := range []struct {
		measurement string
		prefill     func(ctx context.Context, dir string, n int) error
		n           int
	}{
		{"rows many", b.prefillRows, b.rowsMany()},
		{"rows kept", b.prefillRows, rowsFew}, // what rounds add to it they add to the archived ones too
		{"rows archived", b.prefillArchived, b.rowsMany()},
		{"pending many", b.prefillPending, b.pendingMany()},
	} {
		if needs(data.measurement) {
			if err := data.prefill(ctx, b.prefilledDir(data.measurement), data.n); err != nil {
				return fmt.Errorf("fill %q with %d: %w", data.measurement, data.n, err)
			}
		}
	}
	return nil
}

// bestPool finds the pool size at which a baseline is fastest.
func (b *bench) bestPool(ctx context.Context, open func(context.Context, *fixture, int) (variant, error)) (best int, err error) {
	most := -1.0
	for _, size := range poolSizes() {
		ofSize := func(ctx context.Context, f *fixture) (variant, error) { return open(ctx, f, size) }
		got, err := b.sellOn(ctx, b.home, ofSize, buyersDefault, min(b.duration, poolDuration))
		if err != nil {
			return 0, fmt.Errorf("with %d connections: %w", size, err)
		}
		if got[perSecond] > most {
			best, most = size, got[perSecond]
		}
	}
	return best, nil
}

func (b *bench) buildServers(ctx context.Context) (s servers, err error) {
	if s.self, err = os.Executable(); err != nil {
		return s, fmt.Errorf("find own program: %w", err)
	}
	if s.office, err = buildOffice(ctx, b.root); err != nil {
		return s, err
	}
	s.tokens, err = signTokens()
	return s, err
}

// skipRedis leaves out what was asked for that needs a redis-server, and says so, where there is none.
func (b *bench) skipRedis(say io.Writer) error {
	if _, err := exec.LookPath(redisProgram); err == nil {
		return nil
	}
	left := slices.DeleteFunc(slices.Clone(b.only), func(name string) bool { return strings.HasPrefix(name, "redis") })
	if len(left) == len(b.only) {
		return nil
	}
	b.only = left
	_, err := fmt.Fprintf(say, "%s is not on PATH: group redis is left out\n", redisProgram)
	return err
}

// measure runs the rounds: each takes every measurement once, in random order.
func (b *bench) measure(ctx context.Context, list []measurement, progress io.Writer) (*outcome, error) {
	o := newOutcome(b)
	random := rand.New(rand.NewPCG(b.seed, 0))
	var done atomic.Int64
	stop := traffic.ShowProgress(ctx, progress, "measuring", int64(b.rounds*len(list)), done.Load)
	defer stop()
	for range b.rounds {
		round := figures{}
		if err := measureFsync(b.root, o.fsync); err != nil {
			return nil, err
		}
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for _, m := range list {
			measured, err := m.run(ctx)
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case err != nil:
				o.void = append(o.void, fmt.Errorf("%w: %s: %w", errVoid, m.name, err))
			default:
				round.add(m.name, measured)
			}
			done.Add(1)
		}
		o.rounds = append(o.rounds, round)
	}
	return o, nil
}
