package stock

import (
	"context"
	"errors"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/sentence"
)

// requestWorker holds an archive that was asked for, without a lease, until a process takes it.
const requestWorker = "operator"

// NotArchivableError is ErrNotOver with what stands in the way, in one sentence for operators.
type NotArchivableError struct{ Why sentence.Sentence }

func (e NotArchivableError) Error() string { return ErrNotOver.Error() + ": " + e.Why.String() }

// Unwrap makes it ErrNotOver.
func (e NotArchivableError) Unwrap() error { return ErrNotOver }

// RequestArchive closes a screening for good, as BeginArchive does and under the same conditions, and leaves its orders to
// the process that next asks for UnfinishedArchives. It fails with NotArchivableError, ErrArchived, ErrArchiveTaken or
// ErrScreeningNotFound.
func (s *Stock) RequestArchive(ctx context.Context, screeningID string, before time.Time, by audit.Act) error {
	screening, err := s.Screening(ctx, screeningID)
	if err != nil {
		return err
	}
	if screening.Archived {
		return ErrArchived
	}
	if why := screening.notOver(before); why.Code != "" {
		return NotArchivableError{why}
	}
	_, err = s.beginArchive(ctx, screeningID, requestWorker, before, 0, by)
	switch {
	case errors.Is(err, ErrNotOver):
		return NotArchivableError{sentence.New("touched_since", "An order of it was made or settled since {before}, or it was restored.",
			"before", before)}
	case errors.Is(err, ErrArchiveTaken):
		return NotArchivableError{sentence.New("restored_since", "It was restored from the archive since {before}.", "before", before)}
	}
	return err
}

// notOver says why a screening is too young for the archive; nothing when it is not.
func (s Screening) notOver(before time.Time) sentence.Sentence {
	switch {
	case !s.SaleClosesAt.Before(before):
		return sentence.New("closes_too_late", "Its sale closes at {at}, and that must be before {before}.", "at", s.SaleClosesAt, "before", before)
	case !s.StartsAt.Before(before):
		return sentence.New("starts_too_late", "It starts at {at}, and that must be before {before}.", "at", s.StartsAt, "before", before)
	case s.Reserved > 0:
		return sentence.New("tickets_reserved_still",
			"Some of its tickets are reserved, and not yet paid for or returned: {count}.", "count", s.Reserved)
	case s.Cancelled && s.Sold > 0:
		return sentence.New("cancellation_goes_on",
			"It is cancelled, and not all of its orders have ended yet: tickets still sold: {count}.", "count", s.Sold)
	}
	return sentence.Sentence{}
}
