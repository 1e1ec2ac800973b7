package api

import (
	"cmp"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"boxoffice/common/audit"
	"boxoffice/common/idform"
	"boxoffice/common/sentence"
	"boxoffice/order"
)

// listActs answers what operators have done, to screenings, to orders and money, and to mail, the latest first; with the parameters
// subject and actor, to one of these and by one of them.
func (h *handler) listActs(c echo.Context, _ string) error {
	cursor, limit, err := listOfActs.pageQuery(c)
	if err != nil {
		return err
	}
	query := c.QueryParams()
	filter := audit.Filter{Subject: query.Get("subject"), Actor: query.Get("actor"), BeforeID: cursor}
	if filter.Subject != "" && !idform.IsVisibleASCII(filter.Subject, order.IDMax) {
		return telling(malformed, sentence.New("bad_find_subject", "subject must be the id of a screening, order, payment, refund or notification."))
	}
	if len(filter.Actor) > idform.UserIDMax || !utf8.ValidString(filter.Actor) {
		return telling(malformed, sentence.New("bad_find_actor", "actor must be the name of an operator."))
	}
	limit = pageLimit(limit)
	onMoney, err := h.Orders.Acts(traced(c), filter, limit+1)
	if err != nil {
		return err
	}
	onScreenings, err := h.Stock.Acts(traced(c), filter, limit+1)
	if err != nil {
		return err
	}
	var onMail []audit.Recorded
	if h.Notify != nil {
		if onMail, err = h.Notify.Acts(traced(c), filter, limit+1); err != nil {
			return err
		}
	}
	// Of each database the latest that the page can need: together they hold the latest of all.
	acts := slices.SortedFunc(slices.Values(slices.Concat(onMoney, onScreenings, onMail)), func(a, b audit.Recorded) int {
		return cmp.Compare(b.ID, a.ID)
	})
	page := listAnswer[recordedActAnswer]{Items: []recordedActAnswer{}}
	if len(acts) > limit {
		acts = acts[:limit]
		page.NextCursor = listOfActs.cursor(acts[limit-1].ID)
	}
	for _, a := range acts {
		page.Items = append(page.Items, newRecordedActAnswer(a))
	}
	return answer(c, http.StatusOK, page)
}
