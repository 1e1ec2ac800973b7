package api

import (
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/idform"
	"boxoffice/common/sentence"
	"boxoffice/common/strictjson"
	"boxoffice/inquiry"
	"boxoffice/order"
	"boxoffice/stock"
)

// orderFilter returns the parameters that select orders. An empty one selects all, as one that is not given.
func orderFilter(c echo.Context) (inquiry.Filter, error) {
	var f inquiry.Filter
	var status string
	for _, p := range []struct {
		name  string
		into  *string
		valid func(string) bool
		wrong sentence.Sentence
	}{
		{"id", &f.OrderID, idform.IsID, sentence.New("bad_find_id", "id must be the id of an order, given once.")},
		{"payment", &f.PaymentID, func(s string) bool { return idform.IsVisibleASCII(s, order.IDMax) },
			sentence.New("bad_find_payment", "payment must be the id of a payment, attempt or refund, given once.")},
		{"buyer", &f.BuyerID, idform.IsUserID, sentence.New("bad_find_buyer", "buyer must be the id of a buyer, given once.")},
		{"screening", &f.ScreeningID, idform.IsID,
			sentence.New("bad_find_screening", "screening must be the id of a screening, given once.")},
		{"state", &status, validStatus,
			sentence.New("bad_find_state", "state must be reserved, pending_payment, paid or cancelled, given once.")},
	} {
		given := c.QueryParams()[p.name]
		if len(given) > 1 || len(given) == 1 && given[0] != "" && !p.valid(given[0]) {
			return f, telling(malformed, p.wrong)
		}
		if len(given) == 1 {
			*p.into = given[0]
		}
	}
	f.Status = inquiry.Status(status)
	return f, nil
}

func validStatus(s string) bool { return slices.Contains(inquiry.Statuses(), inquiry.Status(s)) }

// timeQuery returns a parameter that is a time; the zero time when it is not given, or empty.
func timeQuery(query url.Values, name string) (time.Time, error) {
	given := query[name]
	if len(given) == 0 || len(given) == 1 && given[0] == "" {
		return time.Time{}, nil
	}
	t, err := strictjson.ParseTime(given[0])
	if len(given) > 1 || err != nil || !stock.IsTime(t) {
		return time.Time{}, problemError{kind: malformed,
			detail: name + " must be a time of RFC 3339 between the years 1970 and 9998, given once; + is %2B in a URL."}
	}
	return t, nil
}
