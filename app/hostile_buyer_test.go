//go:build !race

package app

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// hostileBuyer buys one ticket after the other. It remembers its last orders, about which buyer and office change their minds.
type hostileBuyer struct {
	*hostileOffice
	name   string
	random *rand.Rand
	bought int
	orders []purchase // the last ones, the oldest first
}

// purchase is an order, and its number among those of its buyer, which is the same in each run.
type purchase struct {
	id     string
	number int
}

const remembered = 12 // orders of a buyer about which somebody may still change his mind

// goOn buys a ticket, mostly starts its payment, and has one of the other things happen that happen to orders.
func (b *hostileBuyer) goOn() error {
	for b.provider.Totals().Waiting > courierLimit {
		time.Sleep(10 * time.Millisecond)
	}
	id, err := b.buyWhileBusy()
	if err != nil {
		return fmt.Errorf("buy: %w", err)
	}
	latest := purchase{id, b.bought}
	b.orders = append(b.orders, latest)
	b.orders = b.orders[max(0, len(b.orders)-remembered):]
	if b.random.IntN(5) > 0 { // others start it late, when the deadline is near, or never
		if err := b.startPayment(latest); err != nil {
			return err
		}
	}
	old := b.orders[b.random.IntN(len(b.orders))]
	switch b.random.IntN(10) {
	case 0:
		return b.cancel(id)
	case 1, 2:
		return b.refundPart(old.id)
	case 3:
		return b.cancelForOffice(old.id)
	case 4, 5:
		return b.startPayment(old)
	}
	return nil
}

func (b *hostileBuyer) token() string { return bearer(b.t, b.name, "buyer") }

// buyWhileBusy sends the same purchase until it is not answered with 503, as a shop that is told to send it again.
func (b *hostileBuyer) buyWhileBusy() (orderID string, err error) {
	b.bought++
	screening, key := b.screenings[b.random.IntN(len(b.screenings))], fmt.Sprint("key-", b.bought)
	deadline := time.Now().Add(testDeadline)
	for {
		r, err := b.send("POST", "/v1/screenings/"+screening+"/orders", b.token(), `{"quantity":1}`, "Idempotency-Key", key)
		switch {
		case err != nil:
			return "", err
		case r.status == http.StatusAccepted:
			return decode[orderJSON](b.t, r).ID, nil
		case r.status != http.StatusServiceUnavailable || time.Now().After(deadline):
			return "", fmt.Errorf("%d %s", r.status, r.body)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// startPayment starts the payment of an order, for as long as the provider lets it. The provider knows the purchase again, in
// another run, by where its payer returns.
func (b *hostileBuyer) startPayment(p purchase) error {
	body := fmt.Sprintf(`{"provider":"webhook","return_url":"https://shop.example/%s/%d"}`, b.name, p.number)
	for range 5 {
		r, err := b.send("POST", "/v1/orders/"+p.id+"/payments", b.token(), body)
		switch {
		case err != nil:
			return err
		case r.status == http.StatusServiceUnavailable:
			continue
		case r.status >= http.StatusInternalServerError:
			return fmt.Errorf("start payment: %d %s", r.status, r.body)
		}
		break
	}
	return nil
}

func (b *hostileBuyer) cancel(id string) error {
	r, err := b.send("POST", "/v1/orders/"+id+"/cancel", b.token(), "")
	if err == nil && r.status >= http.StatusInternalServerError {
		err = fmt.Errorf("cancel: %d %s", r.status, r.body)
	}
	return err
}

func (b *hostileBuyer) cancelForOffice(id string) error {
	r, err := b.send("POST", "/v1/admin/orders/"+id+"/cancel", bearer(b.t, "boss", "admin"), `{"note":"the projector"}`)
	if err == nil && r.status != http.StatusOK && !slices.Contains([]string{"not_paid", "not_found"}, r.code()) {
		err = fmt.Errorf("cancel for the office: %d %s", r.status, r.body)
	}
	return err
}

// refundPart gives a part of an order back, and sends the same twice, which is one refund.
func (b *hostileBuyer) refundPart(id string) error {
	body, key := fmt.Sprintf(`{"amount":%d,"note":"a worse seat"}`, 1+b.random.IntN(3000)), fmt.Sprint("part-", b.random.IntN(2))
	first := ""
	for range 2 {
		r, err := b.send("POST", "/v1/admin/orders/"+id+"/refunds", bearer(b.t, "boss", "admin"), body, "Idempotency-Key", key)
		if err != nil {
			return err
		}
		if r.status != http.StatusAccepted {
			if r.status >= http.StatusInternalServerError {
				return fmt.Errorf("refund a part: %d %s", r.status, r.body)
			}
			return nil
		}
		again := decode[struct {
			RefundID string `json:"refund_id"`
		}](b.t, r).RefundID
		if first != "" && again != first {
			return fmt.Errorf("the same part twice is %s and %s", first, again)
		}
		first = again
	}
	return nil
}
