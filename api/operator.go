package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/stock"
)

// operatedAnswer is a screening as operators see it. What is counted from its orders is null until it is known.
type operatedAnswer struct {
	screeningAnswer
	Reserved     int64               `json:"reserved"`
	Sold         int64               `json:"sold"`
	Archived     bool                `json:"archived"`
	Cancellation *cancellationAnswer `json:"cancellation"` // null unless it is cancelled
	Archive      *archiveAnswer      `json:"archive"`      // null unless its orders are in the archive, or on their way
	Orders       *ordersAnswer       `json:"orders"`
	Money        *moneyAnswer        `json:"money"`
}

type cancellationAnswer struct {
	BeganAt     string  `json:"began_at"`
	DoneAt      *string `json:"done_at"` // null until all orders have ended
	TicketsLeft int64   `json:"tickets_left"`
}

type archiveAnswer struct {
	stock.ArchiveSums
	DoneAt *string `json:"done_at"` // null while orders are on their way
}

type ordersAnswer struct {
	Reserved  countAnswer `json:"reserved"`
	Paid      countAnswer `json:"paid"`
	Cancelled countAnswer `json:"cancelled"`
	Buyers    int64       `json:"buyers"` // who hold tickets
	CountedAt string      `json:"counted_at"`
}

type moneyAnswer struct {
	Received  event.Money `json:"received"`
	Refunded  event.Money `json:"refunded"` // that has gone back, or is on its way
	CountedAt string      `json:"counted_at"`
}

// getOperated answers one screening with its counters, and what its orders come to.
func (h *handler) getOperated(c echo.Context, _ string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	return h.answerOperated(c, http.StatusOK, id)
}

func (h *handler) answerOperated(c echo.Context, status int, id string) error {
	ctx := traced(c)
	screening, err := h.Stock.Screening(ctx, id)
	if err != nil {
		return err
	}
	now := h.Now()
	body := operatedAnswer{
		screeningAnswer: newScreeningAnswer(screening, now), Reserved: screening.Reserved, Sold: screening.Sold,
		Archived: screening.Archived,
	}
	if screening.Cancelled {
		if body.Cancellation, err = h.cancellation(ctx, screening); err != nil {
			return err
		}
	}
	if screening.Archived {
		archive, err := h.Stock.Archive(ctx, id)
		if err != nil && !errors.Is(err, stock.ErrNotArchived) { // it may have been abandoned meanwhile
			return err
		}
		body.Archive = &archiveAnswer{archive.Sums, timeOrNull(archive.DoneAt)}
		return answer(c, status, body)
	}
	figures, age, known, err := h.figures.get(ctx, id)
	switch {
	case err != nil:
		return err
	case known:
		body.Orders = &ordersAnswer{
			countAnswer(figures.Held), countAnswer(figures.Sold), countAnswer(figures.Released), figures.Buyers, formatTime(now.Add(-age)),
		}
	}
	money, age, known, err := h.money.get(ctx, id)
	switch {
	case err != nil:
		return err
	case known:
		currency := screening.Price.Currency
		body.Money = &moneyAnswer{event.Money{Amount: money.Received, Currency: currency},
			event.Money{Amount: money.Refunded, Currency: currency}, formatTime(now.Add(-age))}
	}
	return answer(c, status, body)
}

func (h *handler) cancellation(ctx context.Context, screening stock.Screening) (*cancellationAnswer, error) {
	found, err := h.Stock.Cancellation(ctx, screening.ID)
	if err != nil || found == nil {
		return nil, err
	}
	return &cancellationAnswer{formatTime(found.BeganAt), timeOrNull(found.DoneAt), screening.Reserved + screening.Sold}, nil
}

func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := formatTime(t)
	return &text
}

// cancelScreening ends the sale of a screening for good, and has its orders ended.
func (h *handler) cancelScreening(c echo.Context, caller string) error {
	return h.operate(c, caller, func(ctx context.Context, id string, by audit.Act) error {
		_, err := h.Stock.CancelScreening(ctx, id, by)
		return err
	})
}

// archiveScreening has the orders of a screening that is over moved to the archive, or says why it cannot be yet.
func (h *handler) archiveScreening(c echo.Context, caller string) error {
	return h.operate(c, caller, func(ctx context.Context, id string, by audit.Act) error {
		err := h.Archive(ctx, id, by)
		if refused, ok := errors.AsType[stock.NotArchivableError](err); ok {
			return telling(notArchivable, refused.Why)
		}
		return err
	})
}

// operate does what goes on after it is answered, and answers with the screening.
func (h *handler) operate(c echo.Context, caller string, do func(ctx context.Context, id string, by audit.Act) error) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	act, err := readAct(c, caller)
	if err != nil {
		return err
	}
	if err := do(traced(c), id, act); err != nil {
		return err
	}
	return h.answerOperated(c, http.StatusAccepted, id)
}
