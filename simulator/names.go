package simulator

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"boxoffice/payment/webhook"
)

// names are what the dice know things by. The ids of an office are new in each run, and with them everything would be drawn
// anew. So an order is known by the address to which its payer returns, without its id in it, and by how many orders with this
// address had come before it; an attempt by its number among those of its order; and a refund by its payment and amount. Where
// purchases run at once, an address of each one's own makes it the same in every run.
type names struct {
	limit int // of things that have names; those that come then are known by their ids

	mu     sync.Mutex
	things map[string]string // by ids of attempts and keys of refunds
	orders map[string]string // by ids
	alike  map[string]int    // how many have names that begin so
}

func newNames(limit int) *names {
	return &names{limit: limit, things: map[string]string{}, orders: map[string]string{}, alike: map[string]int{}}
}

// attempt returns the name of an attempt that is started, perhaps again.
func (n *names) attempt(b webhook.StartBody) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name, known := n.things[b.AttemptID]; known || !isName(b.AttemptID) || n.isFull() {
		return cmp.Or(name, b.AttemptID)
	}
	order, known := n.orders[b.OrderID]
	if !known {
		address := sha256.Sum256([]byte(strings.ReplaceAll(b.ReturnURL, b.OrderID, "")))
		order = n.next(fmt.Sprintf("order to %x", address[:8]))
		n.orders[b.OrderID] = order
	}
	n.things[b.AttemptID] = n.next(order + " attempt")
	return n.things[b.AttemptID]
}

// refund returns the name of a refund of a payment that has a name.
func (n *names) refund(b webhook.RefundBody, payment string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name, known := n.things[b.Key]; known || !isName(b.Key) || n.isFull() {
		return cmp.Or(name, b.Key)
	}
	n.things[b.Key] = n.next(fmt.Sprintf("%s refund of %d", payment, b.Amount))
	return n.things[b.Key]
}

// of returns the name of an attempt or a refund by its id, which is its name if it has none.
func (n *names) of(id string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return cmp.Or(n.things[id], id)
}

func (n *names) isFull() bool { return len(n.things) >= n.limit }

func (n *names) next(kind string) string {
	n.alike[kind]++
	return kind + " " + strconv.Itoa(n.alike[kind])
}
