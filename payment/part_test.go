package payment

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// steppedProvider pays parts in multiples of ten minor units.
type steppedProvider struct{ *fakeProvider }

func (steppedProvider) RefundStep(string) int64 { return 10 }

// A part of 1.234 dinars was taken as a refund, and Stripe, which takes no third digit but 0, refused it: it came to a person, who
// could neither send it nor make it another amount.
func TestPartThatItsProviderCannotSendIsRefused(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.provider.payAttempt(f.start(o).ID)
	f.advance(time.Hour)
	f.due(o)
	if err := f.payments.CheckPart(t.Context(), o.ID, 1234); err != nil {
		t.Errorf("a provider without steps: %v", err)
	}
	options := f.payments.Options
	options.Providers = []Provider{steppedProvider{f.provider}}
	s := New(f.db, options)
	t.Cleanup(s.Close)
	for _, c := range []struct {
		order  string
		amount int64
		bad    bool
	}{{o.ID, 1230, false}, {o.ID, 1234, true}, {o.ID, 5, true}, {"nobody's", 1234, false}} {
		err := s.CheckPart(t.Context(), c.order, c.amount)
		if bad, ok := errors.AsType[BadPart](err); ok != c.bad || err != nil && !strings.Contains(bad.Detail, "multiple of 10") {
			t.Errorf("%s, %d: %v", c.order, c.amount, err)
		}
	}
}
