package api

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/sentence"
	"boxoffice/stock"
)

const (
	salesStepDefault = time.Minute
	salesStepMax     = 24 * time.Hour
	salesBucketsMax  = 1000
)

// salesAnswer is how the sale of a screening went, step by step.
type salesAnswer struct {
	Step      string         `json:"step"`
	Buckets   []bucketAnswer `json:"buckets"` // without gaps
	CountedAt string         `json:"counted_at"`
}

// bucketAnswer is what happened to the orders of a screening in one step.
type bucketAnswer struct {
	At        string      `json:"at"`
	Reserved  countAnswer `json:"reserved"`
	Paid      countAnswer `json:"paid"`
	Cancelled countAnswer `json:"cancelled"`
}

// getSales answers the curve of a screening's sale.
func (h *handler) getSales(c echo.Context, _ string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	asked, err := parseCurveQuery(c.QueryParams())
	if err != nil {
		return err
	}
	screening, err := h.Stock.Screening(traced(c), id)
	if err != nil {
		return err
	}
	if screening.Archived {
		return stock.ErrArchived
	}
	figures, age, known, err := h.figures.get(traced(c), id)
	switch {
	case err != nil:
		return err
	case !known:
		return telling(busy, sentence.New("being_counted", "The orders are being counted: ask again."))
	}
	asked.complete(figures)
	body := salesAnswer{
		Step: asked.step.String(), Buckets: asked.buckets(figures), CountedAt: formatTime(h.Now().Add(-age)),
	}
	return answer(c, http.StatusOK, body)
}

// curveQuery is which part of a curve is asked for. Times are Unix milliseconds, 0 for one that is not given.
type curveQuery struct {
	step     time.Duration
	from, to int64 // to is not in it
}

func parseCurveQuery(query url.Values) (curveQuery, error) {
	asked := curveQuery{step: salesStepDefault}
	wrong := func(format string, args ...any) (curveQuery, error) {
		return asked, problemError{kind: malformed, detail: fmt.Sprintf(format, args...)}
	}
	if len(query["step"]) > 1 {
		return wrong("step may be given once.")
	}
	var err error
	if query.Has("step") {
		asked.step, err = time.ParseDuration(query.Get("step"))
		if err != nil || asked.step < stock.FigureStep || asked.step > salesStepMax || asked.step%stock.FigureStep != 0 {
			return wrong("step must be a multiple of %v, such as 1m or 1h, of at most %v.", stock.FigureStep, salesStepMax)
		}
	}
	for name, at := range map[string]*int64{"from": &asked.from, "to": &asked.to} {
		given, err := timeQuery(query, name)
		if err != nil {
			return asked, err
		}
		if !given.IsZero() {
			*at = given.UnixMilli()
		}
	}
	if asked.from > 0 && asked.to > 0 && (asked.to <= asked.from || (asked.to-asked.from)/asked.step.Milliseconds() >= salesBucketsMax) {
		return wrong("from must be before to, by less than %d steps.", salesBucketsMax)
	}
	return asked, nil
}

// complete fills in the times that are not given, so that the latest part of the sale is there.
func (q *curveQuery) complete(f stock.Figures) {
	var first, last int64
	for at := range f.Intervals {
		if first == 0 || at < first {
			first = at
		}
		last = max(last, at)
	}
	step := q.step.Milliseconds()
	longest := (salesBucketsMax - 1) * step
	end := func(at int64) int64 { return at - at%step + step }
	switch {
	case q.from > 0 && q.to > 0:
	case q.from > 0:
		q.to = min(end(max(last, q.from)), q.from+longest)
	case q.to > 0:
		q.from = max(min(first, q.to), q.to-longest)
	case len(f.Intervals) > 0:
		q.to = end(last)
		q.from = max(first, q.to-longest)
	}
}

// buckets adds up the intervals of each step. Steps begin at multiples of their length since 1970.
func (q *curveQuery) buckets(f stock.Figures) []bucketAnswer {
	step := q.step.Milliseconds()
	from := q.from - q.from%step
	buckets := []bucketAnswer{}
	for at := from; at < q.to && len(buckets) < salesBucketsMax; at += step {
		buckets = append(buckets, bucketAnswer{At: formatTime(time.UnixMilli(at).UTC())})
	}
	for at, interval := range f.Intervals {
		if n := (at - from) / step; at >= from && n < int64(len(buckets)) {
			buckets[n].Reserved.add(interval.Made)
			buckets[n].Paid.add(interval.Sold)
			buckets[n].Cancelled.add(interval.Released)
		}
	}
	return buckets
}
