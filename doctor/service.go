package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// What a call of the Service can be refused for.
var (
	ErrBusy      = errors.New("another examination or remedy is under way")
	ErrQueueAway = errors.New("the message queue does not answer")
	ErrNoRemedy  = errors.New("for this only a person can do something")
	ErrNoTrouble = errors.New("there is no such trouble")
)

const (
	callTimeout    = 25 * time.Second // of each call, with its wait for its turn
	examineTimeout = 15 * time.Second
	queueTimeout   = 4 * time.Second // of the queue's part of an examination
	reportAge      = 5 * time.Second // for which a report is used again

	// The acts of operators that this package records.
	actFix    = "fix_findings"
	actResend = "resend_dead_letters"
	deadID    = "dead_letters" // what actResend is done to
)

// Service is the doctor of a running office: it examines for as long as a caller can wait, one at a time, and mends what
// an operator names. Make one with NewService; it may be used concurrently.
type Service struct {
	office Office
	turn   chan *last // has one, which whoever examines or mends takes out meanwhile
}

// last is the latest report.
type last struct {
	report *Report // nil before the first one
	made   time.Time
}

// NewService returns the doctor of an office, whose Bus and Sender are needed.
func NewService(o Office) *Service {
	s := &Service{office: o, turn: make(chan *last, 1)}
	s.turn <- &last{}
	return s
}

// take waits for the caller's turn, which release ends.
func (s *Service) take(ctx context.Context) (*last, error) {
	select {
	case l := <-s.turn:
		return l, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
}

func (s *Service) release(l *last) { s.turn <- l }

// Findings examines the office, or returns the report of the last few seconds. What was not read in time is Unfinished.
func (s *Service) Findings(ctx context.Context) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	l, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	defer s.release(l)
	return s.examine(ctx, l)
}

// examine returns a report that is a few seconds old at most.
func (s *Service) examine(ctx context.Context, l *last) (*Report, error) {
	if l.report != nil && time.Since(l.made) < reportAge {
		return l.report, nil
	}
	r, err := examineWithin(ctx, s.office, examineTimeout)
	if err != nil {
		return nil, err
	}
	l.report, l.made = r, time.Now()
	return r, nil
}

// examineWithin is Examine for a limited time. What costs little comes first.
func examineWithin(ctx context.Context, o Office, limit time.Duration) (*Report, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := newReport(o.Now())
	for _, examine := range []func(context.Context, Office, *Report) error{
		examineQueueSoon, examineArchives, examinePayments, examineMails, examineScreenings, examineReservations, examineOrders, examineBooks,
	} {
		err := examine(limited, o, r)
		switch {
		case err != nil && limited.Err() != nil && ctx.Err() == nil:
			r.Unfinished = true
			return r, nil
		case err != nil:
			return nil, fmt.Errorf("examine: %w", err)
		}
	}
	return r, nil
}

// examineQueueSoon is examineQueue for a caller who waits: a queue that hangs is one that is away.
func examineQueueSoon(ctx context.Context, o Office, r *Report) error {
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	return examineQueue(ctx, o, r)
}

// Selection names what is to be mended: all troubles of a kind, or the one with an id.
type Selection struct {
	Kind Kind
	ID   string // empty for all; dead messages are only mended together
}

// Mended is what was done.
type Mended struct {
	Done       []string
	Unfinished bool // the time was over: the same again goes on
}

// Fix does for the selected troubles what can be done, and records that an operator has had it done. It fails with
// ErrNoTrouble when the examination has not found them, and with ErrNoRemedy when nothing can be done about them.
func (s *Service) Fix(ctx context.Context, which Selection, act audit.Act) (Mended, error) {
	return s.mend(ctx, act, actFix, func(ctx context.Context, l *last) (choice, error) {
		found, err := s.examine(ctx, l)
		if err != nil {
			return choice{}, err
		}
		return found.choose(which)
	})
}

// choice is what is to be done about the troubles that an operator names.
type choice struct {
	remedy
	subject string // for which the act is recorded
	kind    Kind
}

// choose is what is to be done about the selected troubles.
func (r *Report) choose(which Selection) (choice, error) {
	c := choice{subject: which.ID, kind: which.Kind}
	switch {
	case which.ID == "" && r.Counts[which.Kind] == 0:
		return c, ErrNoTrouble
	case which.ID == "":
		c.subject = string(which.Kind)
		c.add(r.remedies[which.Kind])
		for _, dead := range r.dead {
			if dead.kind == which.Kind && dead.count > 0 {
				c.dead = append(c.dead, dead)
			}
		}
	default:
		i := slices.IndexFunc(r.Troubles, func(t Trouble) bool { return t.Kind == which.Kind && t.ID == which.ID })
		if i < 0 {
			return c, ErrNoTrouble
		}
		c.add(r.Troubles[i].does)
	}
	if c.isNone() {
		return c, ErrNoRemedy
	}
	return c, nil
}

// ResendDead deals with every dead message as Fix does, and records that an operator has had it done.
func (s *Service) ResendDead(ctx context.Context, act audit.Act) (Mended, error) {
	return s.mend(ctx, act, actResend, func(ctx context.Context, _ *last) (choice, error) {
		dead, err := s.readDead(ctx, maxDead)
		return choice{remedy{dead: dead}, deadID, DeadLetter}, err
	})
}

// mend does what choose says, as the only one at a time. The act is recorded first, so that none is done that is not; and so is
// what it does to each order. The report before it says nothing after it.
func (s *Service) mend(
	ctx context.Context, act audit.Act, what string, choose func(context.Context, *last) (choice, error),
) (Mended, error) {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	l, err := s.take(limited)
	if err != nil {
		return Mended{}, err
	}
	defer s.release(l)
	chosen, err := choose(limited, l)
	if err != nil {
		return Mended{}, err
	}
	if err := s.office.Orders.RecordAct(limited, act, what, chosen.subject); err != nil {
		return Mended{}, err
	}
	l.report = nil
	done := newReport(s.office.Now())
	mend := mender{Office: s.office, done: done, act: act, subject: chosen.subject, kind: chosen.kind}
	err = mend.apply(limited, chosen.remedy)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return Mended{done.Fixed, true}, nil
	}
	return Mended{done.Fixed, false}, queueAway(err)
}

// queueAway marks the error of a queue that does not answer.
func queueAway(err error) error {
	if errors.Is(err, mq.ErrUnavailable) {
		return fmt.Errorf("%w: %w", ErrQueueAway, err)
	}
	return err
}

// readDead reads dead messages, up to limit of each group.
func (s *Service) readDead(ctx context.Context, limit int) ([]deadMessages, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*queueTimeout)
	defer cancel()
	depths, err := s.office.Bus.Inspect(ctx, event.Subscriptions(s.office.Further...)...)
	if err != nil {
		return nil, queueAway(err)
	}
	dead, err := readDead(ctx, s.office, depths, limit)
	return dead, queueAway(err)
}
