package office

import (
	"context"
	"time"

	"boxoffice/common/mq"
	"boxoffice/common/officeclock"
	"boxoffice/payment"
	"boxoffice/sale"
	"boxoffice/stock"
)

// fenceOf is what stands in the fence of a half message.
type fenceOf func(txID string) []string

// Seams are where a test plants a bug into the product that is simulated. In every other run they are empty.
type Seams struct {
	rewrite  func(base, statement string) string             // of a statement of SQL
	answer   func(fenceOf, *stock.Stock, mq.Half) mq.Outcome // of a check-back
	Early    mq.Outcome                                      // is sent before the local transaction
	end      func(mq.Outcome) mq.Outcome                     // of a half message
	swallow  string                                          // the group whose errors are acknowledged
	idle     string                                          // the work that nobody does
	provider func(payment.Provider) payment.Provider         // as the office calls it
	orders   func(payment.Orders) payment.Orders             // as the payments call them
	now      func(*officeclock.Clock, time.Time) time.Time   // when somebody buys, by the clocks of office and machine
	sure     func(*officeclock.Clock, time.Time) time.Time   // the time that has certainly come, by the clocks of office and machine
	request  func(r sale.Request, try int) sale.Request      // as it is decided
	gullible bool                                            // callbacks are acknowledged whatever becomes of them
	keepLog  bool                                            // the queue's log outlives a restore of the databases
}

func (s Seams) ordersOf(o payment.Orders) payment.Orders {
	if s.orders != nil {
		return s.orders(o)
	}
	return o
}

func (s Seams) providerOf(p payment.Provider) payment.Provider {
	if s.provider != nil {
		return s.provider(p)
	}
	return p
}

// nowOf is by what deadlines are made.
func (s Seams) nowOf(c *officeclock.Clock, wall func() time.Time) func() time.Time {
	if s.now != nil {
		return func() time.Time { return s.now(c, wall()) }
	}
	return c.Now
}

// sureOf is by what orders are cancelled.
func (s Seams) sureOf(c *officeclock.Clock, wall func() time.Time) func() time.Time {
	if s.sure != nil {
		return func() time.Time { return s.sure(c, wall()) }
	}
	return c.Sure
}

func (s Seams) ended(outcome mq.Outcome) mq.Outcome {
	if s.end != nil {
		return s.end(outcome)
	}
	return outcome
}

func (s Seams) check(ctx context.Context, fence fenceOf, k *stock.Stock, h mq.Half) mq.Outcome {
	if s.answer != nil {
		return s.answer(fence, k, h)
	}
	return k.Check(ctx, h)
}

func (s Seams) decided(r sale.Request, try int) sale.Request {
	if s.request != nil {
		return s.request(r, try)
	}
	return r
}
