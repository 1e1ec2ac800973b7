package main

import (
	"context"
	"errors"
	"time"
)

const buyersMax = 8192 // over HTTP, where each has a connection

// openHTTPFunc opens a variant over HTTP with a connection for each buyer.
type openHTTPFunc func(ctx context.Context, f *fixture, buyers int) (variant, error)

// throughput measures the orders per second of a variant without HTTP.
func (b *bench) throughput(open openFunc, buyers int) measureFunc {
	return func(ctx context.Context) (figures, error) { return b.sellOn(ctx, b.home, open, buyers, b.duration) }
}

// throughputOn measures the orders per second of the box office in a home of its own.
func (b *bench) throughputOn(find func() (home, error)) measureFunc {
	return func(ctx context.Context) (figures, error) {
		h, err := find()
		if err != nil {
			return nil, err
		}
		return b.sellOn(ctx, h, openOurs, buyersDefault, b.duration)
	}
}

func (b *bench) sellOn(ctx context.Context, h home, open openFunc, buyers int, duration time.Duration) (figures, error) {
	return b.onFixture(ctx, h, func(f *fixture) (figures, error) { return openAndSell(ctx, f, open, buyers, duration) })
}

// throughputHTTP measures the orders per second of a variant whose server, with the message queue, is another process.
func (b *bench) throughputHTTP(openHTTP openHTTPFunc, buyers int) measureFunc {
	open := func(ctx context.Context, f *fixture) (variant, error) { return openHTTP(ctx, f, buyers) }
	return func(ctx context.Context) (result figures, err error) {
		if buyers > buyersMax {
			return nil, errors.New("too many buyers")
		}
		err = b.inNewDir(func(dir string) error {
			f := &fixture{home: b.home, dir: dir}
			result, err = openAndSell(ctx, f, open, buyers, b.duration)
			return errors.Join(err, f.close())
		})
		return result, err
	}
}
