package stock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/audit"
)

// requestWorker holds an archive that was asked for, without a lease, until a process takes it.
const requestWorker = "operator"

// NotArchivableError is ErrNotOver with what stands in the way, in one sentence for operators.
type NotArchivableError struct{ Reason string }

func (e NotArchivableError) Error() string { return ErrNotOver.Error() + ": " + e.Reason }

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
	if reason := screening.notOver(before); reason != "" {
		return NotArchivableError{reason}
	}
	_, err = s.beginArchive(ctx, screeningID, requestWorker, before, 0, by)
	switch {
	case errors.Is(err, ErrNotOver):
		return NotArchivableError{fmt.Sprintf("An order of it was made or settled since %s, or it was restored.", fieldTime(before))}
	case errors.Is(err, ErrArchiveTaken):
		return NotArchivableError{fmt.Sprintf("It was restored from the archive since %s.", fieldTime(before))}
	}
	return err
}

// notOver says why a screening is too young for the archive; empty when it is not.
func (s Screening) notOver(before time.Time) string {
	switch {
	case !s.SaleClosesAt.Before(before):
		return fmt.Sprintf("Its sale closes at %s, and that must be before %s.", fieldTime(s.SaleClosesAt), fieldTime(before))
	case !s.StartsAt.Before(before):
		return fmt.Sprintf("It starts at %s, and that must be before %s.", fieldTime(s.StartsAt), fieldTime(before))
	case s.Reserved > 0:
		return fmt.Sprintf("Some of its tickets are reserved, and not yet paid for or returned: %d.", s.Reserved)
	case s.Cancelled && s.Sold > 0:
		return fmt.Sprintf("It is cancelled, and not all of its orders have ended yet: tickets still sold: %d.", s.Sold)
	}
	return ""
}
