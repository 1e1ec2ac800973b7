package identity

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

const (
	cachedTokens        = 1 << 14
	cachedTokenBytesMax = 2 << 10
)

// tokenCache remembers verified tokens: a buyer sends the same one with every request, and verifying it costs more than
// all else that the API does for one.
//
// It is bounded without eviction by age. Each slot holds one token, and slots come in pairs: a new token takes its slot,
// the one before moves to the other slot of the pair, and the one there is forgotten. With single slots, two busy buyers
// whose tokens hash to the same one would have every request verified. The seed is random, so that nobody can choose a
// token for a slot.
type tokenCache struct {
	seed  maphash.Seed
	slots []atomic.Pointer[cachedToken]
}

type cachedToken struct {
	text  string
	who   Caller
	until time.Time
	keys  *keySet // among which was the one that verified it; nil: it was a secret, which stays as long as the process
}

func newTokenCache() *tokenCache {
	return &tokenCache{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[cachedToken], cachedTokens)}
}

// pair returns a token's slot and the other one of its pair.
func (m *tokenCache) pair(text string) [2]*atomic.Pointer[cachedToken] {
	i := maphash.String(m.seed, text) % cachedTokens
	return [2]*atomic.Pointer[cachedToken]{&m.slots[i], &m.slots[i^1]}
}

// find returns the caller of a token that was verified before, has not expired since, and was not signed by an identity
// provider whose keys have changed since then: one of them may have been withdrawn.
func (m *tokenCache) find(text string, now time.Time, keys *keySet) (Caller, bool) {
	for _, slot := range m.pair(text) {
		if cached := slot.Load(); cached != nil && cached.text == text {
			return cached.who, now.Before(cached.until) && (cached.keys == nil || cached.keys == keys)
		}
	}
	return Caller{}, false
}

// add remembers a token that has just been verified.
func (m *tokenCache) add(token cachedToken) {
	if len(token.text) > cachedTokenBytesMax {
		return
	}
	pair := m.pair(token.text)
	before := pair[0].Swap(&token)
	if before != nil && before.text != token.text {
		pair[1].Store(before)
	}
}
