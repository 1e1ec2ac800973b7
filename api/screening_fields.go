package api

import (
	"errors"

	"boxoffice/common/sentence"
	"boxoffice/stock"
)

func wrongLatePayment() sentence.Sentence {
	return sentence.New("bad_late_payment", "late_payment must be refund or revive.")
}

// screeningProblem says in words which field of a screening stock has refused; any other error stays as it is. A new screening
// must have its times, so the sentence says so.
func screeningProblem(err error, isNew bool) error {
	bad, ok := errors.AsType[stock.InvalidFieldError](err)
	if !ok {
		return err
	}
	said := fieldSentence(bad)
	switch {
	case isNew && bad.Field == stock.FieldStart:
		said = sentence.New("no_start", "starts_at must be given, between the years 1970 and 9998.")
	case isNew && bad.Field == stock.FieldSaleTimes:
		said = sentence.New("no_window", "sale_opens_at and sale_closes_at must be given, between the years 1970 and 9998.")
	case said.Code == "":
		return err
	}
	return telling(invalid, said)
}

// fieldSentence is what is said of a field that stock has refused, or nothing for one that no caller gives.
func fieldSentence(bad stock.InvalidFieldError) sentence.Sentence {
	switch bad.Field {
	case stock.FieldStart:
		return sentence.New("bad_start", "starts_at must be between the years 1970 and 9998.")
	case stock.FieldSaleTimes:
		return sentence.New("bad_sale_times", "sale_opens_at and sale_closes_at must be between the years 1970 and 9998.")
	case stock.FieldSaleWindow:
		return sentence.New("bad_window", "sale_opens_at must be before sale_closes_at.")
	case stock.FieldPrice:
		return sentence.New("bad_price", "price.amount must be from 1 to {most} minor units.", "most", bad.Most)
	case stock.FieldCurrency:
		return sentence.New("bad_currency", "price.currency must be a currency of ISO 4217, in capital letters.")
	case stock.FieldCapacity:
		return sentence.New("bad_capacity", "capacity must be from 1 to {most}.", "most", bad.Most)
	case stock.FieldLimit:
		return sentence.New("bad_limit", "per_user_limit must be from 0, which is no limit, to {most}.", "most", bad.Most)
	case stock.FieldLatePayment:
		return wrongLatePayment()
	case stock.FieldMovie:
		return sentence.New("bad_movie", "movie must have 1 to {most} bytes of UTF-8 and no control characters.", "most", bad.Most)
	case stock.FieldVenue:
		return sentence.New("bad_venue", "venue must have 1 to {most} bytes of UTF-8 and no control characters.", "most", bad.Most)
	case stock.FieldDescription:
		return sentence.New("bad_description",
			"description must have at most {most} bytes of UTF-8 and no control characters but line breaks.", "most", bad.Most)
	case stock.FieldPosterURL, stock.FieldMapURL:
		return sentence.New("bad_links",
			"poster_url and map_url must be URLs of https, without a password, of at most {most} bytes; or empty.", "most", bad.Most)
	}
	return sentence.Sentence{}
}
