package api

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

const (
	knownTokens        = 1 << 14
	knownTokenBytesMax = 1 << 10
)

// knownToken is a token whose signature was verified, and until when it counts.
type knownToken struct {
	text  string
	who   claims
	until time.Time
}

// tokenMemory remembers verified tokens, because a buyer sends the same one with every poll and verifying it costs more
// than the rest of this side's work. Slots come in pairs, and each holds one token. A new token takes its slot, the one
// before moves to the other slot of the pair and the one there is forgotten, so the memory is bounded without a clean-up.
// With single slots, two busy buyers who fall on the same one would have every request verified. The seed is random, so
// nobody can aim at a slot.
type tokenMemory struct {
	seed  maphash.Seed
	slots []atomic.Pointer[knownToken]
}

func newTokenMemory() *tokenMemory {
	return &tokenMemory{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[knownToken], knownTokens)}
}

// pair returns the token's slot and the other one of the pair.
func (m *tokenMemory) pair(text string) [2]*atomic.Pointer[knownToken] {
	i := maphash.String(m.seed, text) % knownTokens
	return [2]*atomic.Pointer[knownToken]{&m.slots[i], &m.slots[i^1]}
}

// find returns who sent a token that was verified before and has not expired since.
func (m *tokenMemory) find(text string, now time.Time) (claims, bool) {
	for _, slot := range m.pair(text) {
		if known := slot.Load(); known != nil && known.text == text {
			return known.who, now.Before(known.until)
		}
	}
	return claims{}, false
}

// keep remembers a token that has just been verified.
func (m *tokenMemory) keep(text string, who claims) {
	if len(text) > knownTokenBytesMax {
		return
	}
	pair := m.pair(text)
	before := pair[0].Swap(&knownToken{text: text, who: who, until: who.ExpiresAt.Add(tokenLeeway)})
	if before != nil && before.text != text {
		pair[1].Store(before)
	}
}
