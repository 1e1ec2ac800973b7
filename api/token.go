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
// than the rest of this side's work. Each slot holds one token and the next one that falls on it takes its place, so the
// memory is bounded without a clean-up; the seed is random, so nobody can aim at a slot.
type tokenMemory struct {
	seed  maphash.Seed
	slots []atomic.Pointer[knownToken]
}

func newTokenMemory() *tokenMemory {
	return &tokenMemory{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[knownToken], knownTokens)}
}

func (m *tokenMemory) slot(text string) *atomic.Pointer[knownToken] {
	return &m.slots[maphash.String(m.seed, text)%knownTokens]
}

// find returns who sent a token that was verified before and has not expired since.
func (m *tokenMemory) find(text string, now time.Time) (claims, bool) {
	known := m.slot(text).Load()
	if known == nil || known.text != text || !now.Before(known.until) {
		return claims{}, false
	}
	return known.who, true
}

// keep remembers a token that has just been verified.
func (m *tokenMemory) keep(text string, who claims) {
	if len(text) <= knownTokenBytesMax {
		m.slot(text).Store(&knownToken{text: text, who: who, until: who.ExpiresAt.Add(tokenLeeway)})
	}
}
