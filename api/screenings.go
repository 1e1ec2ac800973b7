package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
	"boxoffice/stock"
)

const wrongWindow = "sale_opens_at must be before sale_closes_at."

type screeningBody struct {
	Movie        string      `json:"movie"`
	Venue        string      `json:"venue"`
	StartsAt     time.Time   `json:"starts_at"`
	Price        event.Money `json:"price"`
	Capacity     int64       `json:"capacity"`
	SaleOpensAt  time.Time   `json:"sale_opens_at"`
	SaleClosesAt time.Time   `json:"sale_closes_at"`
	PerUserLimit int64       `json:"per_user_limit"`
}

type screeningChangeBody struct {
	Capacity     *int64     `json:"capacity"`
	SaleOpensAt  *time.Time `json:"sale_opens_at"`
	SaleClosesAt *time.Time `json:"sale_closes_at"`
	PerUserLimit *int64     `json:"per_user_limit"`
}

func (o *office) listScreenings(c echo.Context) error {
	cursor, limit, err := pageQuery(c)
	if err != nil {
		return err
	}
	which, err := salesQuery(c)
	if err != nil {
		return err
	}
	items, next, err := o.Stock.Screenings(traced(c), which, cursor, limit)
	if err != nil {
		return namedCursor(err)
	}
	return answer(c, http.StatusOK, appendList(nil, items, next, o.Now(), appendScreening))
}

func (o *office) getScreening(c echo.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	screening, err := o.Stock.Screening(traced(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, appendScreening(nil, screening, o.Now()))
}

// salesQuery reads the filter closed: without it a list has all screenings.
func salesQuery(c echo.Context) (stock.Sales, error) {
	switch given := c.QueryParams()["closed"]; {
	case len(given) == 0:
		return stock.AllSales, nil
	case len(given) == 1 && given[0] == "false":
		return stock.UpcomingSales, nil
	case len(given) == 1 && given[0] == "true":
		return stock.ClosedSales, nil
	}
	return 0, refusal{kind: malformed, detail: "closed must be true or false, given once."}
}

func (o *office) addScreening(c echo.Context, _ string) error {
	var body screeningBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	if wrong := body.wrong(); wrong != "" {
		return refusal{kind: invalid, detail: wrong}
	}
	screening, err := o.Stock.AddScreening(traced(c), stock.Screening{
		Movie: body.Movie, Venue: body.Venue, StartsAt: body.StartsAt, Price: body.Price,
		Capacity: body.Capacity, Available: body.Capacity,
		SaleOpensAt: body.SaleOpensAt, SaleClosesAt: body.SaleClosesAt, PerUserLimit: body.PerUserLimit,
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/screenings/"+screening.ID)
	return answer(c, http.StatusCreated, appendScreening(nil, screening, o.Now()))
}

// changeScreening changes capacity, sale window and limit; what the body leaves out stays as it is.
func (o *office) changeScreening(c echo.Context, _ string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	var body screeningChangeBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	if wrong := body.wrong(); wrong != "" {
		return refusal{kind: invalid, detail: wrong}
	}
	screening, err := o.Stock.ChangeScreening(traced(c), id, stock.ScreeningChange(body))
	if errors.Is(err, stock.ErrInvalid) { // all that is left to refuse is how the change meets what stays
		return refusal{kind: invalid, detail: wrongWindow}
	}
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, appendScreening(nil, screening, o.Now()))
}

// wrong says what is not allowed in a new screening, or "".
func (b screeningBody) wrong() string {
	switch {
	case !validName(b.Movie):
		return fmt.Sprintf("movie must have 1 to %d bytes of UTF-8 and no control characters.", stock.NameMax)
	case !validName(b.Venue):
		return fmt.Sprintf("venue must have 1 to %d bytes of UTF-8 and no control characters.", stock.NameMax)
	case !validTime(b.StartsAt):
		return "starts_at must be given, between the years 1970 and 9998."
	case b.Price.Amount < 1 || b.Price.Amount > stock.PriceMax:
		return fmt.Sprintf("price.amount must be from 1 to %d minor units.", stock.PriceMax)
	case !event.IsCurrency(b.Price.Currency):
		return "price.currency must be three capital letters, as in ISO 4217."
	case b.Capacity < 1 || b.Capacity > stock.CapacityMax:
		return fmt.Sprintf("capacity must be from 1 to %d.", stock.CapacityMax)
	case !validTime(b.SaleOpensAt) || !validTime(b.SaleClosesAt):
		return "sale_opens_at and sale_closes_at must be given, between the years 1970 and 9998."
	case !earlier(b.SaleOpensAt, b.SaleClosesAt):
		return wrongWindow
	case b.PerUserLimit < 0 || b.PerUserLimit > stock.CapacityMax:
		return wrongLimit()
	}
	return ""
}

// wrong says what is not allowed in a change, or "".
func (b screeningChangeBody) wrong() string {
	switch {
	case b == screeningChangeBody{}:
		return "At least one of capacity, sale_opens_at, sale_closes_at and per_user_limit must be given."
	case b.Capacity != nil && (*b.Capacity < 1 || *b.Capacity > stock.CapacityMax):
		return fmt.Sprintf("capacity must be from 1 to %d.", stock.CapacityMax)
	case b.SaleOpensAt != nil && !validTime(*b.SaleOpensAt), b.SaleClosesAt != nil && !validTime(*b.SaleClosesAt):
		return "sale_opens_at and sale_closes_at must be between the years 1970 and 9998."
	case b.PerUserLimit != nil && (*b.PerUserLimit < 0 || *b.PerUserLimit > stock.CapacityMax):
		return wrongLimit()
	case b.SaleOpensAt != nil && b.SaleClosesAt != nil && !earlier(*b.SaleOpensAt, *b.SaleClosesAt):
		return wrongWindow
	}
	return ""
}

func wrongLimit() string {
	return fmt.Sprintf("per_user_limit must be from 0, which is no limit, to %d.", stock.CapacityMax)
}

func validName(s string) bool {
	if s == "" || len(s) > stock.NameMax {
		return false
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return false
		}
	}
	return true
}

// validTime keeps to what the database holds as Unix milliseconds and RFC 3339 can say in every zone.
func validTime(t time.Time) bool {
	return t.UnixMilli() >= 0 && t.UTC().Year() < 9999
}

// earlier compares in milliseconds, as the database will.
func earlier(a, b time.Time) bool { return a.UnixMilli() < b.UnixMilli() }
