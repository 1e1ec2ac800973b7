package api

import (
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/common/sentence"
	"boxoffice/stock"
)

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

// screening is the new screening, whose late_payment is one of the words.
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

// change is the change of a screening by an operator. Its late_payment is one of the words.
func (b screeningChangeBody) change(by audit.Act) stock.ScreeningChange {
	return stock.ScreeningChange{
		Movie: b.Movie, Venue: b.Venue, StartsAt: b.StartsAt, Price: b.Price, Capacity: b.Capacity,
		SaleOpensAt: b.SaleOpensAt, SaleClosesAt: b.SaleClosesAt, PerUserLimit: b.PerUserLimit, Paused: b.Paused,
		LatePayment: latePayment(b.LatePayment),
		Description: b.Description, PosterURL: b.PosterURL, MapURL: b.MapURL, By: by,
	}
}

// invalidField says which value of a new screening is not allowed before stock has judged it, or nothing.
func (b screeningBody) invalidField() sentence.Sentence {
	if !validLate(b.LatePayment) {
		return wrongLatePayment()
	}
	return sentence.Sentence{}
}

// invalidField says which value of a change is not allowed before stock has judged it, or nothing.
func (b screeningChangeBody) invalidField() sentence.Sentence {
	nothing := screeningChangeBody{Note: b.Note}
	switch {
	case b == nothing:
		return sentence.New("no_field", "At least one field beside note must be given.")
	case !validLate(b.LatePayment):
		return wrongLatePayment()
	}
	return sentence.Sentence{}
}
