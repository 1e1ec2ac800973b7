package payment

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/order"
)

// without returns a service in whose configuration a provider is missing.
func (f *fixture) without(name string) *Service {
	options := f.newService().Options
	options.Providers = nil
	for _, p := range []Provider{f.provider, f.other} {
		if p.Name() != name {
			options.Providers = append(options.Providers, p)
		}
	}
	return New(f.db, options)
}

func (f *fixture) workOf(s *Service) {
	f.t.Helper()
	if err := s.Work(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) wantUnattended(want ...Unattended) {
	f.t.Helper()
	found, err := f.payments.Unattended(f.t.Context())
	if err != nil || len(found) != len(want) || len(want) == 1 && found[0] != want[0] {
		f.t.Errorf("unattended are %+v, %v, want %+v", found, err, want)
	}
}

// A provider was taken out of the configuration: its refunds stayed due for ever, were in no list of those that need a person,
// and could neither be retried nor settled.
func TestRefundOfAProviderThatIsGoneNeedsAPerson(t *testing.T) {
	f := newLateRefund(t)
	gone := f.without("fake")
	f.workOf(gone)
	r := f.wantRefund(refundDue) // another process may know the provider already
	f.wantUnattended()
	f.advance(goneAfter)
	f.wantUnattended(Unattended{"fake", 0, 1})
	f.workOf(gone)
	if got := f.wantRefund(refundNeedsAttention); got.Detail != notConfigured {
		t.Errorf("nobody is told why: %+v", got)
	}
	f.wantUnattended(Unattended{"fake", 0, 1})
	if _, err := gone.SettleByHand(t.Context(), r.ID, audit.Act{Actor: "me", Note: "bank transfer"}); err != nil {
		t.Fatal(err)
	}
	f.wantRefund(refundSettled)
	f.wantUnattended()
}

// A refund was on its way when its provider was taken out of the configuration. A person read that the provider is not configured
// any more, sent the money by other means and settled the refund; the provider's came too. Who may have the money already is told.
func TestPersonIsToldThatAProviderThatIsGoneMayHaveSentARefund(t *testing.T) {
	for name, before := range map[string]func(*fakeProvider){
		"on its way":        func(p *fakeProvider) { p.pending = true },
		"without an answer": func(p *fakeProvider) { p.cut["refund"] = true },
	} {
		t.Run(name, func(t *testing.T) {
			f := newLateRefund(t)
			f.provider.set(before)
			f.work()
			f.advance(goneAfter + lastRefundPause)
			f.workOf(f.without("fake"))
			if got := f.wantRefund(refundNeedsAttention); !strings.Contains(got.Detail, "may have sent the money") {
				t.Errorf("the person reads %q", got.Detail)
			}
			f.wantUnattended(Unattended{"fake", 0, 1})
			f.provider.set(func(p *fakeProvider) { p.pending, p.cut["refund"] = false, false })
			f.work() // it is back
			if got := f.refunds(RefundStates()...)[0]; got.State == refundNeedsAttention {
				t.Errorf("its provider is back, and it waits for a person: %+v", got)
			}
		})
	}
}

// A refund had been asked for twenty times when its provider was forgotten in a configuration. Once it was back, the first call
// without an answer was the last: a person had to send what goes by itself.
func TestRefundIsTriedAnewWithAProviderThatIsBack(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.pending = true })
	f.work()
	f.exec(`UPDATE refunds SET tries = 20`)
	f.advance(goneAfter + lastRefundPause)
	f.workOf(f.without("fake"))
	f.wantRefund(refundNeedsAttention)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
	f.work()
	f.wantRefund(refundFailed)
}

// A provider was forgotten in a configuration, and is back: all its refunds go on by themselves, under their keys.
func TestRefundGoesOnWithItsProvider(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.pending = true })
	f.work()
	r := f.wantRefund(refundSent)
	f.advance(goneAfter + lastRefundPause)
	f.workOf(f.without("fake"))
	f.wantRefund(refundNeedsAttention)
	f.provider.set(func(p *fakeProvider) { p.keys[r.ID] = RefundStatus{State: RefundDone} })
	f.work()
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// The open attempts of a provider that is gone are told, hold up their order for a bounded time, and end.
func TestAttemptOfAProviderThatIsGoneEnds(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.start(o)
	gone := f.without("fake")
	f.advance(time.Hour + defaultAskGrace)
	f.payments = gone
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
	f.workOf(gone)
	f.wantUnattended(Unattended{"fake", 1, 0})
	f.advance(giveUpAfter)
	f.workOf(gone)
	f.wantUnattended()
}

// lines is a log whose lines a test receives.
type lines chan string

func (l lines) Write(line []byte) (int, error) { l <- string(line); return len(line), nil }

// The work begins with one line about what it will leave undone, and with none where there is nothing.
func TestStartWarnsOfProvidersThatAreGone(t *testing.T) {
	f := newLateRefund(t)
	f.start(f.create(time.Hour))
	log := make(lines, 100)
	for _, name := range []string{"other", "fake"} {
		s := f.without(name)
		s.Log = slog.New(slog.NewTextHandler(log, nil))
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() { s.Run(ctx); close(stopped) }()
		if name == "fake" {
			if line := <-log; !strings.Contains(line, "providers=[fake]") {
				t.Errorf("without %s the log says %s", name, line)
			}
		} else {
			f.eventually("the refund is sent", func() bool { return len(f.refunds(refundDone)) == 1 })
		}
		cancel()
		<-stopped
	}
	if len(log) != 0 {
		t.Errorf("the log says also %s", <-log)
	}
}
