package identity

import (
	"strconv"
	"testing"
	"time"
)

// Two buyers whose tokens fell on the same slot paid for a verification with each of their requests, for as long as both
// kept asking.
func TestTwoTokensOfOneSlotAreBothRemembered(t *testing.T) {
	cache := newTokenCache()
	slot := cache.pair("token-0")[0]
	same := []string{"token-0"}
	for i := 1; len(same) < 2; i++ {
		if text := "token-" + strconv.Itoa(i); cache.pair(text)[0] == slot {
			same = append(same, text)
		}
	}
	for _, text := range same {
		cache.add(cachedToken{text: text, who: Caller{Subject: text}, until: testNow().Add(time.Hour)})
	}
	for _, text := range same {
		if who, cached := cache.find(text, testNow(), nil); !cached || who.Subject != text {
			t.Errorf("%s is %q's, %t", text, who.Subject, cached)
		}
	}
}

// All tokens but one fall out of a slot. None of them may be taken for another.
func TestTokensShareSlots(t *testing.T) {
	cache := newTokenCache()
	for i := range 2 * cachedTokens {
		name := strconv.Itoa(i)
		cache.add(cachedToken{text: "token-" + name, who: Caller{Subject: name}, until: testNow().Add(time.Hour)})
	}
	found := 0
	for i := range 2 * cachedTokens {
		name := strconv.Itoa(i)
		if who, cached := cache.find("token-"+name, testNow(), nil); cached {
			found++
			if who.Subject != name {
				t.Fatalf("token of %s was taken for %s's", name, who.Subject)
			}
		}
	}
	if found == 0 || found > cachedTokens {
		t.Errorf("%d of %d tokens are remembered", found, 2*cachedTokens)
	}
}
