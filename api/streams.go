package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/identity"
	"boxoffice/live"
	"boxoffice/stock"
)

// streamOrder streams the states of an order to its buyer. A client that has seen the last one is told not to come back,
// which is what 204 says to an EventSource.
func (h *handler) streamOrder(c echo.Context, who caller) error {
	reservation, err := pathReservation(c, h.Stock, who.Subject)
	if err != nil {
		return err
	}
	lastID := c.Request().Header.Get(headerLastEventID)
	if lastID != "" {
		rows, err := h.Orders.Find(traced(c), reservation.ID)
		if err != nil {
			return err
		}
		if current := seenOrder(reservation, rows); current.Final() {
			last, err := encodeOrder(current, h.Now())
			if err != nil {
				return err
			}
			if last.ID == lastID {
				return c.NoContent(http.StatusNoContent)
			}
		}
	}
	valid := who.ExpiresAt.Add(identity.Leeway).Sub(h.Wall())
	s := &eventStream[live.Order]{encode: encodeOrder, final: live.Order.Final, lastID: lastID, until: endOfStream(orderStreamLife, valid)}
	return startStream(h, c, s, who.Subject, func(p *live.Place) *live.Stream[live.Order] {
		return p.WatchOrder(reservation, s)
	})
}

// streamScreening streams the states of a screening to anybody.
func (h *handler) streamScreening(c echo.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	if !h.Live.ShowsScreening(id) { // what a crowd watches need not be read for each of it
		if _, err := h.Stock.Screening(traced(c), id); err != nil {
			return err
		}
	}
	s := &eventStream[stock.Screening]{
		encode: encodeScreening, final: func(stock.Screening) bool { return false },
		lastID: c.Request().Header.Get(headerLastEventID), until: endOfStream(screeningStreamLife, screeningStreamLife),
	}
	return startStream(h, c, s, "", func(p *live.Place) *live.Stream[stock.Screening] { return p.WatchScreening(id, s) })
}

// endOfStream is when a stream ends that begins now: after its life, or with its token.
func endOfStream(life, valid time.Duration) time.Time {
	return time.Now().Add(min(drawUpTo(life), valid))
}

// startStream begins the answer, and leaves the stream to a goroutine of its own. So the request is over: it is not in
// flight any more, and its time is that to the beginning of the answer.
func startStream[T comparable](
	h *handler, c echo.Context, s *eventStream[T], buyer string, watch func(*live.Place) *live.Stream[T],
) error {
	place, err := h.Live.Enter(live.Caller{Buyer: buyer, Address: clientNetwork(c.RealIP())})
	if err != nil {
		return err
	}
	s.now = h.Now
	if s.conn, err = takeConnection(c); err != nil {
		place.Leave()
		return err
	}
	s.feed = watch(place)
	log, route := h.Log, c.Path()
	go func() {
		defer s.feed.Close()
		defer func() { _ = s.conn.Close() }() // the process may have closed it
		defer func() {
			if cause := recover(); cause != nil {
				log.Error("stream", "route", route, "error", panicError(cause))
			}
		}()
		if err := s.run(); err != nil {
			log.Debug("stream", "route", route, "error", err)
		}
	}()
	return nil
}

func encodeOrder(o live.Order, now time.Time) (live.Event, error) {
	answer := answerFrom(o, now)
	said := answer
	said.ServerTime = ""
	id, err := eventID(said)
	if err != nil {
		return live.Event{}, err
	}
	return encodeEvent("order", id, answer)
}

// shortScreening is a screening without its texts, which can be a hundred times as long as what changes in a sale.
type shortScreening struct {
	screeningAnswer
	Description string `json:"description,omitempty"`
	PosterURL   string `json:"poster_url,omitempty"`
	MapURL      string `json:"map_url,omitempty"`
}

func encodeScreening(s stock.Screening, now time.Time) (live.Event, error) {
	answer := newScreeningAnswer(s, now)
	said := answer
	said.ServerTime = ""
	id, err := eventID(said)
	if err != nil {
		return live.Event{}, err
	}
	full, err := encodeEvent("screening", id, answer)
	if err != nil {
		return live.Event{}, err
	}
	short, err := encodeEvent("screening", id, shortScreening{screeningAnswer: answer})
	if err != nil {
		return live.Event{}, err
	}
	full.Short = short.Text
	full.Rest, err = eventID(s.Texts)
	return full, err
}
