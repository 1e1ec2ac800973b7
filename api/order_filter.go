package api

import (
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/strictjson"
	"boxoffice/identity"
	"boxoffice/inquiry"
	"boxoffice/order"
)

// orderFilter returns the parameters that select orders. An empty one selects all, as one that is not given.
func orderFilter(c echo.Context) (inquiry.Filter, error) {
	var f inquiry.Filter
	var status string
	for _, p := range []struct {
		name  string
		into  *string
		valid func(string) bool
		want  string
	}{
		{"id", &f.OrderID, validID, "the id of an order"},
		{"payment", &f.PaymentID, func(s string) bool { return order.IsVisibleASCII(s, order.IDMax) }, "the id of a payment, attempt or refund"},
		{"buyer", &f.BuyerID, identity.ValidSubject, "the id of a buyer"},
		{"screening", &f.ScreeningID, validID, "the id of a screening"},
		{"state", &status, validStatus, "reserved, pending_payment, paid or cancelled"},
	} {
		given := c.QueryParams()[p.name]
		if len(given) > 1 || len(given) == 1 && given[0] != "" && !p.valid(given[0]) {
			return f, problemError{kind: malformed, detail: p.name + " must be " + p.want + ", given once."}
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
	if len(given) > 1 || err != nil || !validTime(t) {
		return time.Time{}, problemError{kind: malformed,
			detail: name + " must be a time of RFC 3339 between the years 1970 and 9998, given once; + is %2B in a URL."}
	}
	return t, nil
}
