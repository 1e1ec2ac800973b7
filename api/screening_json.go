package api

import (
	"strings"
	"time"
	"unicode"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/common/sentence"
	"boxoffice/stock"
)

func wrongWindow() sentence.Sentence {
	return sentence.New("bad_window", "sale_opens_at must be before sale_closes_at.")
}

// screeningAnswer is a screening as everybody sees it.
type screeningAnswer struct {
	ID           string      `json:"id"`
	Movie        string      `json:"movie"`
	Venue        string      `json:"venue"`
	StartsAt     string      `json:"starts_at"`
	Price        event.Money `json:"price"`
	Capacity     int64       `json:"capacity"`
	Available    int64       `json:"available"`
	SaleOpensAt  string      `json:"sale_opens_at"`
	SaleClosesAt string      `json:"sale_closes_at"`
	PerUserLimit int64       `json:"per_user_limit"`
	LatePayment  string      `json:"late_payment"`
	Paused       bool        `json:"paused"`
	Cancelled    bool        `json:"cancelled"`
	Description  string      `json:"description"`
	PosterURL    string      `json:"poster_url"`
	MapURL       string      `json:"map_url"`
	ServerTime   string      `json:"server_time"`
}

func newScreeningAnswer(s stock.Screening, now time.Time) screeningAnswer {
	return screeningAnswer{
		ID: s.ID, Movie: s.Movie, Venue: s.Venue, StartsAt: formatTime(s.StartsAt), Price: s.Price,
		Capacity: s.Capacity, Available: s.Available,
		SaleOpensAt: formatTime(s.SaleOpensAt), SaleClosesAt: formatTime(s.SaleClosesAt),
		PerUserLimit: s.PerUserLimit, LatePayment: lateText(s.LatePayment), Paused: s.Paused, Cancelled: s.Cancelled,
		Description: s.Description, PosterURL: s.PosterURL, MapURL: s.MapURL, ServerTime: formatTime(now),
	}
}

// screeningBody is a new screening.
type screeningBody struct {
	Movie        string      `json:"movie"`
	Venue        string      `json:"venue"`
	StartsAt     time.Time   `json:"starts_at"`
	Price        event.Money `json:"price"`
	Capacity     int64       `json:"capacity"`
	SaleOpensAt  time.Time   `json:"sale_opens_at"`
	SaleClosesAt time.Time   `json:"sale_closes_at"`
	PerUserLimit int64       `json:"per_user_limit"`
	LatePayment  *string     `json:"late_payment"`
	Description  string      `json:"description"`
	PosterURL    string      `json:"poster_url"`
	MapURL       string      `json:"map_url"`
	Note         string      `json:"note"`
}

// screeningChangeBody is a change of a screening: what is nil stays as it is.
type screeningChangeBody struct {
	Movie        *string      `json:"movie"`
	Venue        *string      `json:"venue"`
	StartsAt     *time.Time   `json:"starts_at"`
	Price        *event.Money `json:"price"`
	Capacity     *int64       `json:"capacity"`
	SaleOpensAt  *time.Time   `json:"sale_opens_at"`
	SaleClosesAt *time.Time   `json:"sale_closes_at"`
	PerUserLimit *int64       `json:"per_user_limit"`
	LatePayment  *string      `json:"late_payment"`
	Paused       *bool        `json:"paused"`
	Description  *string      `json:"description"`
	PosterURL    *string      `json:"poster_url"`
	MapURL       *string      `json:"map_url"`
	Note         string       `json:"note"`
}

// What becomes of money that comes for an order that is cancelled as unpaid, as the API names it.
const (
	lateRefund = "refund"
	lateRevive = "revive"
)

func lateText(p event.LatePayment) string {
	if p == event.LateRevive {
		return lateRevive
	}
	return lateRefund
}

func validLate(text *string) bool { return text == nil || *text == lateRefund || *text == lateRevive }

// latePayment reads a valid text; nil is none.
func latePayment(text *string) *event.LatePayment {
	if text == nil {
		return nil
	}
	policy := event.LateRefund
	if *text == lateRevive {
		policy = event.LateRevive
	}
	return &policy
}

// screening is the new screening. The body is valid.
func (b screeningBody) screening() stock.Screening {
	s := stock.Screening{
		Movie: b.Movie, Venue: b.Venue, StartsAt: b.StartsAt, Price: b.Price, Capacity: b.Capacity, Available: b.Capacity,
		SaleOpensAt: b.SaleOpensAt, SaleClosesAt: b.SaleClosesAt, PerUserLimit: b.PerUserLimit,
		Texts: stock.Texts{Description: b.Description, PosterURL: b.PosterURL, MapURL: b.MapURL},
	}
	if policy := latePayment(b.LatePayment); policy != nil {
		s.LatePayment = *policy
	}
	return s
}

// change is the change of a screening by an operator. The body is valid.
func (b screeningChangeBody) change(by audit.Act) stock.ScreeningChange {
	return stock.ScreeningChange{
		Movie: b.Movie, Venue: b.Venue, StartsAt: b.StartsAt, Price: b.Price, Capacity: b.Capacity,
		SaleOpensAt: b.SaleOpensAt, SaleClosesAt: b.SaleClosesAt, PerUserLimit: b.PerUserLimit, Paused: b.Paused,
		LatePayment: latePayment(b.LatePayment),
		Description: b.Description, PosterURL: b.PosterURL, MapURL: b.MapURL, By: by,
	}
}

// invalidField says which value of a new screening is not allowed, or nothing.
func (b screeningBody) invalidField() sentence.Sentence {
	switch {
	case !validTime(b.StartsAt):
		return sentence.New("no_start", "starts_at must be given, between the years 1970 and 9998.")
	case !validTime(b.SaleOpensAt) || !validTime(b.SaleClosesAt):
		return sentence.New("no_window", "sale_opens_at and sale_closes_at must be given, between the years 1970 and 9998.")
	}
	return screeningChangeBody{
		Movie: &b.Movie, Venue: &b.Venue, StartsAt: &b.StartsAt, Price: &b.Price, Capacity: &b.Capacity,
		SaleOpensAt: &b.SaleOpensAt, SaleClosesAt: &b.SaleClosesAt, PerUserLimit: &b.PerUserLimit, LatePayment: b.LatePayment,
		Description: &b.Description, PosterURL: &b.PosterURL, MapURL: &b.MapURL,
	}.invalidField()
}

// invalidField says which value of a change is not allowed, or nothing.
func (b screeningChangeBody) invalidField() sentence.Sentence {
	nothing := screeningChangeBody{Note: b.Note}
	switch {
	case b == nothing:
		return sentence.New("no_field", "At least one field beside note must be given.")
	case b.StartsAt != nil && !validTime(*b.StartsAt):
		return sentence.New("bad_start", "starts_at must be between the years 1970 and 9998.")
	case b.Price != nil && (b.Price.Amount < 1 || b.Price.Amount > stock.PriceMax):
		return sentence.New("bad_price", "price.amount must be from 1 to {most} minor units.", "most", int64(stock.PriceMax))
	case b.Price != nil && !event.IsKnownCurrency(b.Price.Currency):
		return sentence.New("bad_currency", "price.currency must be a currency of ISO 4217, in capital letters.")
	case b.Capacity != nil && (*b.Capacity < 1 || *b.Capacity > stock.CapacityMax):
		return sentence.New("bad_capacity", "capacity must be from 1 to {most}.", "most", int64(stock.CapacityMax))
	case b.SaleOpensAt != nil && !validTime(*b.SaleOpensAt), b.SaleClosesAt != nil && !validTime(*b.SaleClosesAt):
		return sentence.New("bad_sale_times", "sale_opens_at and sale_closes_at must be between the years 1970 and 9998.")
	case b.PerUserLimit != nil && (*b.PerUserLimit < 0 || *b.PerUserLimit > stock.CapacityMax):
		return sentence.New("bad_limit", "per_user_limit must be from 0, which is no limit, to {most}.", "most", int64(stock.CapacityMax))
	case !validLate(b.LatePayment):
		return sentence.New("bad_late_payment", "late_payment must be refund or revive.")
	case b.SaleOpensAt != nil && b.SaleClosesAt != nil && !earlier(*b.SaleOpensAt, *b.SaleClosesAt):
		return wrongWindow()
	}
	return b.invalidText()
}

func (b screeningChangeBody) invalidText() sentence.Sentence {
	switch {
	case b.Movie != nil && !validName(*b.Movie):
		return sentence.New("bad_movie", "movie must have 1 to {most} bytes of UTF-8 and no control characters.", "most", int64(stock.NameMax))
	case b.Venue != nil && !validName(*b.Venue):
		return sentence.New("bad_venue", "venue must have 1 to {most} bytes of UTF-8 and no control characters.", "most", int64(stock.NameMax))
	case b.Description != nil && !validDescription(*b.Description):
		return sentence.New("bad_description",
			"description must have at most {most} bytes of UTF-8 and no control characters but line breaks.", "most", int64(stock.DescriptionMax))
	case b.PosterURL != nil && !stock.IsURL(*b.PosterURL), b.MapURL != nil && !stock.IsURL(*b.MapURL):
		return sentence.New("bad_links",
			"poster_url and map_url must be URLs of https, without a password, of at most {most} bytes; or empty.", "most", int64(stock.URLMax))
	}
	return sentence.Sentence{}
}

func validDescription(s string) bool {
	return len(s) <= stock.DescriptionMax && !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && unicode.IsControl(r) })
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

// validTime tells whether the database can store a time, which it does in Unix milliseconds, and RFC 3339 can write it in
// every time zone.
func validTime(t time.Time) bool {
	return t.UnixMilli() >= 0 && t.UTC().Year() < 9999
}

// earlier compares two times at the precision that the database stores.
func earlier(a, b time.Time) bool { return a.UnixMilli() < b.UnixMilli() }
