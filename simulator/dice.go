package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// dice draws what happens to a thing. Each draw has its own generator, seeded by the seed, the question and the thing's
// name, so that the same is drawn whatever the order in which goroutines ask.
type dice struct{ seed uint64 }

// of returns the generator for a question about a thing.
func (d dice) of(question, name string) *rand.Rand {
	key := binary.BigEndian.AppendUint64(nil, d.seed)
	key = append(append(append(key, question...), 0), name...)
	sum := sha256.Sum256(key)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
}

// chance is true with probability p: never with 0, always with 1.
func (d dice) chance(p float64, question, name string) bool {
	return d.of(question, name).Float64() < p
}

// pause draws between half of longest and longest.
func (d dice) pause(longest time.Duration, question, name string) time.Duration {
	return longest/2 + time.Duration(d.of(question+" pause", name).Int64N(int64(longest/2)+1))
}
