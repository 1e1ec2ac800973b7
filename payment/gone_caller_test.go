package payment

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// patientProvider answers no call before its caller goes.
type patientProvider struct {
	*fakeProvider
	entered chan struct{}
}

func (p patientProvider) Start(ctx context.Context, _ Attempt) (Started, error) {
	p.entered <- struct{}{}
	<-ctx.Done()
	return Started{}, ctx.Err()
}

func (p patientProvider) Refund(ctx context.Context, _ Refund) (RefundStatus, error) {
	p.entered <- struct{}{}
	<-ctx.Done()
	return RefundStatus{}, ctx.Err()
}

// patient returns a service as another process has it, with a provider that is slow, and its log.
func (f *fixture) patient() (s *Service, entered chan struct{}, log *bytes.Buffer) {
	f.t.Helper()
	log, entered = &bytes.Buffer{}, make(chan struct{})
	options := f.payments.Options
	options.Providers = []Provider{patientProvider{f.provider, entered}}
	options.Log = slog.New(slog.NewTextHandler(log, nil))
	s = New(f.db, options)
	f.t.Cleanup(s.Close)
	return s, entered, log
}

// waitFor waits until the provider is called.
func (f *fixture) waitFor(entered chan struct{}) {
	f.t.Helper()
	select {
	case <-entered:
	case <-time.After(20 * time.Second):
		f.t.Fatal("nobody calls the provider")
	}
}

// Buyers who pressed Pay and closed the tab ended the calls of a provider that was well. After three of them the office told its
// operators that the provider was away.
func TestCallersWhoGoMakeNoOutage(t *testing.T) {
	f := newFixture(t)
	s, entered, log := f.patient()
	for range 2 * providerPatience {
		o := f.create(time.Hour)
		ctx, leave := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := s.Start(ctx, o, "fake", "")
			ended <- err
		}()
		f.waitFor(entered)
		leave()
		if err := <-ended; err == nil {
			t.Fatal("it is started")
		}
	}
	if text := log.String(); strings.Contains(text, "outage") {
		t.Errorf("an outage is told of a provider that is well:\n%s", text)
	}
}

// A process was stopped while it sent a refund, and its own cancelled call counted as a failure of the provider's: the refund
// waited for longer with each upgrade of the office. It is as the worker had it, and the next one has it after the lease.
func TestStoppingWorkerCountsNoFailure(t *testing.T) {
	f := newLateRefund(t)
	s, entered, _ := f.patient()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Work(ctx) }()
	f.waitFor(entered)
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the worker ended with %v", err)
	}
	row, err := f.payments.findRefund(t.Context(), f.wantRefund(refundDue).ID)
	if err != nil || row.Detail != "" || row.NextAt != f.now().Add(claimLease).UnixMilli() {
		t.Errorf("the refund is %+v, %v, want it due after the lease", row, err)
	}
	f.advance(claimLease)
	f.work()
	f.wantRefund(refundDone)
	f.wantBalanced()
}
