//go:build !race

package app

import (
	"testing"
	"time"
)

// What a cinema decides about a screening it can change until somebody has bought at it, and the order that a buyer asks about is
// found by whatever the buyer has of it: a number, a line of a bank statement, or only that it was paid. By the Chinese console.
func TestConsoleEditsBeforeTheFirstSaleAndFindsOrders(t *testing.T) {
	b := newBrowser(t)
	p := b.console("Olga")
	p.press("#language")
	p.until("in Chinese", `document.documentElement.lang === "zh-CN"`)
	p.view("#/screenings", `document.getElementById("add") !== null`)
	id := p.createScreening("Metropolis")

	p.press("#main > .actions button:nth-of-type(3)")
	begins := p.localTime(50 * time.Hour)
	for field, value := range map[string]string{
		"movie": "Metropolis 1927", "starts_at": begins, "amount": "39", "per_user_limit": "1", "description": "With an orchestra.",
	} {
		p.fill("#f-"+field, value)
	}
	p.press(".screening-form button[type=submit]")
	p.until("it has the new title", headingIs("Metropolis 1927")+` && document.querySelector(".screening-form") === null`)
	shown := decode[struct {
		StartsAt     time.Time `json:"starts_at"`
		PerUserLimit int       `json:"per_user_limit"`
		Description  string    `json:"description"`
		Price        struct {
			Amount int64 `json:"amount"`
		} `json:"price"`
	}](t, b.must("GET", "/v1/screenings/"+id, "", ""))
	if js[string](p, `new Date("`+begins+`").toISOString()`) != shown.StartsAt.UTC().Format("2006-01-02T15:04:05.000Z") ||
		shown.PerUserLimit != 1 || shown.Description != "With an orchestra." || shown.Price.Amount != 3900 {
		t.Errorf("after the change it begins %v, at %d, for %d tickets each: %q",
			shown.StartsAt, shown.Price.Amount, shown.PerUserLimit, shown.Description)
	}
	if r := b.buy("carol", id, "two", 2); r.status != 409 && r.status != 422 {
		t.Errorf("two tickets, of which each may have one: %d %s", r.status, r.body)
	}

	paid, open := b.mustBuy("alice", id, 1), b.mustBuy("bob", id, 1)
	b.eventuallyStatus("alice", paid.ID, "pending_payment")
	b.eventuallyStatus("bob", open.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(t, "alice", "buyer"), `{"order_id":"`+paid.ID+`"}`)
	b.eventuallyStatus("alice", paid.ID, "paid")
	payment := decode[struct {
		Payments []struct {
			ID string `json:"payment_id"`
		} `json:"payments"`
	}](t, b.must("GET", "/v1/admin/orders/"+paid.ID, bearer(t, "boss", "admin"), "")).Payments[0].ID

	both := `document.querySelector(".row[data-id='` + paid.ID + `']") && document.querySelector(".row[data-id='` + open.ID + `']") !== null`
	alone := func(order string) string {
		return `document.querySelectorAll(".row").length === 1 && document.querySelector(".row").dataset.id === ` + quoted(order)
	}
	for _, search := range []struct{ field, value, want string }{
		{"id", open.ID, open.ID}, {"payment", payment, paid.ID}, {"buyer", "bob", open.ID},
	} {
		p.view("#/orders", both)
		p.fill("#q-"+search.field, search.value)
		p.press(".filter button[type=submit]")
		p.until("found by its "+search.field, alone(search.want))
	}
	p.view("#/orders", both)
	p.fill("#q-screening", id)
	p.fill("#q-state", "pending_payment")
	p.press(".filter button[type=submit]")
	p.until("found by its state", alone(open.ID))
}
