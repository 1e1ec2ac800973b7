package sale

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/event"
	"boxoffice/common/idform"
	"boxoffice/stock"
)

// The bounds of a request.
const (
	KeyMax      = 255 // bytes
	QuantityMax = 100 // tickets
)

// A purchase waits for its list for QueueTimeout at most, and is then told ErrBusy; ListTimeout bounds the list. Together
// they are shorter than an answer may take.
const (
	QueueTimeout = 10 * time.Second
	ListTimeout  = 15 * time.Second
)

// Why a purchase fails that might have been served.
var (
	ErrBusy      = errors.New("too many purchases in flight")
	ErrKeyReused = errors.New("idempotency key was used for another purchase")
)

// Request asks for Quantity tickets. The same (BuyerID, Key) is the same order, however often it is sent.
type Request struct {
	BuyerID     string
	Key         string
	ScreeningID string
	Quantity    int64
}

// validate keeps out what a database would refuse, because there one bad value costs a whole list.
func (r Request) validate() error {
	switch {
	case !idform.IsUserID(r.BuyerID):
		return fmt.Errorf("%w: buyer id", stock.ErrInvalid)
	case r.Key == "" || len(r.Key) > KeyMax:
		return fmt.Errorf("%w: idempotency key", stock.ErrInvalid)
	case r.Quantity < 1 || r.Quantity > QuantityMax:
		return fmt.Errorf("%w: quantity", stock.ErrInvalid)
	case !idform.IsID(r.ScreeningID):
		return stock.ErrScreeningNotFound
	}
	return nil
}

// Bought is what a purchase comes to.
type Bought struct {
	stock.Reservation
	Before bool // an earlier request with the same key has made it: the order may stand elsewhere than the reservation by now
}

type call = batch.Call[Request, Bought]

// purchase is one order in the making, and the callers who ask for it.
type purchase struct {
	id      string // stock.RequestID
	request Request
	calls   []*call
	order   event.Order // what the plan that admitted it will reserve
}

func (p *purchase) compare(other *purchase) int { return strings.Compare(p.id, other.id) }

func (p *purchase) answer(b Bought, err error) {
	for _, c := range p.calls {
		c.Answer(b, err)
	}
}

// gather makes one purchase of the calls that say the same. Those that use one key for different purchases stay apart:
// the later one waits until the earlier one is decided.
func gather(calls []*call) []*purchase {
	list := make([]*purchase, 0, len(calls))
	seen := make(map[Request]*purchase, len(calls))
	for _, c := range calls {
		p, known := seen[c.In]
		if !known {
			p = &purchase{id: stock.RequestID(c.In.BuyerID, c.In.Key), request: c.In}
			seen[c.In] = p
			list = append(list, p)
		}
		p.calls = append(p.calls, c)
	}
	return list
}

func answerAll(list []*purchase, err error) {
	for _, p := range list {
		p.answer(Bought{}, err)
	}
}
