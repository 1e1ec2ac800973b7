package app

import (
	"fmt"
	"hash/maphash"

	"github.com/anishathalye/porcupine"
)

// linearAct is what a request does to the stock of a screening.
type linearAct int

// The acts. The release is no request: it is the way of a cancelled order's tickets back to the stock, which begins when
// its cancellation is sent and ends when an operator sees that they are back.
const (
	actBuy linearAct = iota
	actPay
	actCancel
	actRelease
	actRestock
	actRead
)

func (a linearAct) String() string {
	return [...]string{"buy", "pay", "cancel", "release", "restock", "read"}[a]
}

// linearInput is one request. A purchase is a buyer's key: who sends it again asks for the same order.
type linearInput struct {
	act      linearAct
	purchase int   // number in its history
	buyer    int   // of a purchase
	quantity int64 // of a purchase
	capacity int64 // of a restock
}

// linearOutput is how a request was answered, in the words of the API.
type linearOutput struct {
	said                string
	available, capacity int64 // of a read
}

// What is said besides the codes of problems. Who has no answer, or 503, does not know whether anything has happened: such
// a request may take effect at any time from then on, or never.
const (
	saidYes       = "yes"
	saidNotKnown  = "not known"
	linearForever = int64(1) << 62
)

// The ways of a purchase in the model.
const (
	wayUnsold    = '-'
	wayReserved  = 'r'
	wayPaid      = 'p'
	wayCancelled = 'x' // cancelled, its tickets are not back yet
	wayReleased  = 'R'
)

const linearBuyers = 6

// linearState is a screening as a buyer may think of it: every request happens at one moment, one after the other.
type linearState struct {
	capacity, available int64
	purchases           string // by number, its way
	held                [linearBuyers]int64
}

func (s linearState) moved(purchase int, way byte) linearState {
	ways := []byte(s.purchases)
	ways[purchase] = way
	s.purchases = string(ways)
	return s
}

// linearModel is a screening of so many tickets, with a limit per buyer, and so many purchases in its history.
func linearModel(capacity, limit int64, purchases int) porcupine.Model {
	seed := maphash.MakeSeed()
	none := make([]byte, purchases)
	for i := range none {
		none[i] = wayUnsold
	}
	return porcupine.Model{
		Init: func() any { return linearState{capacity: capacity, available: capacity, purchases: string(none)} },
		Step: func(state, input, output any) (bool, any) {
			ok, next := stepLinear(state.(linearState), input.(linearInput), output.(linearOutput), limit)
			return ok, next
		},
		Equal: func(a, b any) bool { return a.(linearState) == b.(linearState) },
		Hash:  func(state any) uint64 { return maphash.Comparable(seed, state.(linearState)) },
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%v %+v: %+v", input.(linearInput).act, input, output)
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
	}
}

// stepLinear tells whether a request can be answered so in this state, and what comes of it. One whose answer is not known
// does what it can; if nothing ever came of it, its moment is the end of the history.
func stepLinear(s linearState, in linearInput, out linearOutput, limit int64) (bool, linearState) {
	switch in.act {
	case actBuy:
		return stepBuy(s, in, out.said, limit)
	case actPay, actCancel:
		return stepEnd(s, in, out.said)
	case actRelease:
		if s.purchases[in.purchase] != wayCancelled {
			return false, s
		}
		s = s.moved(in.purchase, wayReleased)
		s.available += in.quantity
		s.held[in.buyer] -= in.quantity
		return true, s
	case actRestock:
		used := s.capacity - s.available
		fits := in.capacity >= used
		switch {
		case out.said == "capacity_too_small":
			return !fits, s
		case !fits:
			return out.said == saidNotKnown, s
		case out.said != saidYes && out.said != saidNotKnown:
			return false, s
		}
		s.capacity, s.available = in.capacity, in.capacity-used
		return true, s
	default:
		return out.available == s.available && out.capacity == s.capacity, s
	}
}

// stepBuy reserves tickets, or says once more that they were.
func stepBuy(s linearState, in linearInput, said string, limit int64) (bool, linearState) {
	isNew := s.purchases[in.purchase] == wayUnsold
	overLimit, gone := s.held[in.buyer]+in.quantity > limit, in.quantity > s.available
	switch {
	case said == "limit_exceeded":
		return isNew && overLimit, s
	case said == "sold_out":
		return isNew && gone, s
	case said != saidYes && said != saidNotKnown:
		return false, s
	case !isNew:
		return true, s
	case overLimit || gone:
		return said == saidNotKnown, s
	}
	s = s.moved(in.purchase, wayReserved)
	s.available -= in.quantity
	s.held[in.buyer] += in.quantity
	return true, s
}

// stepEnd pays or cancels an order: the first of the two counts, and the other one is told so.
func stepEnd(s linearState, in linearInput, said string) (bool, linearState) {
	way := s.purchases[in.purchase]
	if way == wayUnsold {
		return said == saidNotKnown, s
	}
	to, lost := byte(wayPaid), "refund_due"
	if in.act == actCancel {
		to, lost = wayCancelled, "already_paid"
	}
	switch {
	case said == lost && in.act == actPay: // also money that comes twice
		return way != wayReserved, s
	case said == lost:
		return way == wayPaid, s
	case said != saidYes && said != saidNotKnown:
		return false, s
	case way == wayReserved:
		return true, s.moved(in.purchase, to)
	case in.act == actCancel && way != wayPaid: // cancelled before: the same answer
		return true, s
	}
	return said == saidNotKnown, s
}
