package commitlog

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// BenchmarkAppendWait is the group commit: every append waits for its fsync.
func BenchmarkAppendWait(b *testing.B) {
	for _, writers := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			l := newLog(b, Options{})
			payload := make([]byte, 512)
			before := l.Syncs()
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			b.ResetTimer()
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := w; i < b.N; i += writers {
						_, end, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, payload...) })
						if err == nil {
							err = wait(context.Background(), l, end)
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/float64(l.Syncs()-before), "records/sync")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	l := newLog(b, Options{NoSync: true})
	payload := make([]byte, 512)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, _, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, payload...) }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	l := newLog(b, Options{NoSync: true})
	var offsets []int64
	for range 10000 {
		offset, _ := mustAppend(b, l, string(make([]byte, 512)))
		offsets = append(offsets, offset)
	}
	mustWait(b, l, l.End())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := l.Read(offsets[i%len(offsets)]); err != nil {
			b.Fatal(err)
		}
	}
}
