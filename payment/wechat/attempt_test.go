package wechat_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
)

// An attempt becomes an order with all that WeChat Pay, the payer and the callback need, in WeChat Pay's time zone.
func TestStart(t *testing.T) {
	f := newFake(t)
	started, err := newProvider(t, f).Start(t.Context(), newAttempt())
	if err != nil {
		t.Fatal(err)
	}
	want := payment.Started{Action: payment.Action{Kind: payment.ShowQR, QR: "weixin://wxpay/bizpayurl?pr=" + testAttemptID[:9]}}
	if started.Lives != 115*time.Minute {
		t.Errorf("the code is shown for %s, and is dead after two hours", started.Lives)
	}
	if started.Reference != want.Reference || started.Action.Kind != want.Action.Kind || started.Action.QR != want.Action.QR {
		t.Errorf("got %+v, want %+v", started, want)
	}
	made := f.orders[testAttemptID].made
	for field, want := range map[string]any{
		"appid": testAppID, "mchid": testMerchantID, "attach": payment.MarkOrder(testOrderID, testOffice), "notify_url": testCallback,
		"description": "Order " + testOrderID, "time_expire": "2026-11-20T20:15:00+08:00",
	} {
		if made[field] != want {
			t.Errorf("%s is %v, want %v", field, made[field], want)
		}
	}
	if f.orders[testAttemptID].total() != 9800 {
		t.Errorf("made %v, want 9800 fen", made)
	}
}

// A start that is repeated, because its answer was lost, is the same order.
func TestStartTwiceIsOneOrder(t *testing.T) {
	f := newFake(t)
	p, a := newProvider(t, f), newAttempt()
	f.afterwards = func(*http.Request, *http.Response) (*http.Response, error) { return nil, context.DeadlineExceeded }
	_, err := p.Start(t.Context(), a)
	wantUnclear(t, err)
	f.afterwards = nil
	first, err := p.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Start(t.Context(), a)
	if err != nil || again.Action.QR != first.Action.QR || len(f.orders) != 1 {
		t.Errorf("again: %+v, %v; %d orders", again, err, len(f.orders))
	}
}

// What WeChat Pay cannot take is refused, and other currencies without a call: 500 yen are not 500 fen.
func TestStartIsRefused(t *testing.T) {
	for name, change := range map[string]func(*payment.Attempt){
		"zero decimals":  func(a *payment.Attempt) { a.Amount = event.Money{Amount: 500, Currency: "JPY"} },
		"three decimals": func(a *payment.Attempt) { a.Amount = event.Money{Amount: 1500, Currency: "KWD"} },
		"small letters":  func(a *payment.Attempt) { a.Amount.Currency = "cny" },
		"long order id":  func(a *payment.Attempt) { a.OrderID = strings.Repeat("x", 129) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			a := newAttempt()
			change(&a)
			_, err := newProvider(t, f).Start(t.Context(), a)
			wantRefused(t, err)
			if len(f.calls) > 0 {
				t.Errorf("called %q", f.calls)
			}
		})
	}
	t.Run("bad parameter", func(t *testing.T) {
		a := newAttempt()
		a.Amount.Amount = 0
		_, err := newProvider(t, newFake(t)).Start(t.Context(), a)
		wantRefused(t, err)
		if !strings.Contains(err.Error(), "PARAM_ERROR") {
			t.Errorf("the error does not say why: %v", err)
		}
	})
	t.Run("other amount", func(t *testing.T) {
		p, _, a := newStarted(t)
		a.Amount.Amount++
		_, err := p.Start(t.Context(), a)
		wantRefused(t, err)
	})
	t.Run("signed with another key", func(t *testing.T) {
		f := newFake(t)
		f.merchant = &testKeys(t)[2].PublicKey
		_, err := newProvider(t, f).Start(t.Context(), newAttempt())
		if err == nil || errors.Is(err, payment.ErrRefused) || !strings.Contains(err.Error(), "SIGN_ERROR") {
			t.Errorf("%v, want an error that says why, and no refusal: nobody has looked at the payment", err)
		}
	})
}

// A closed order never opens again, so that its start is refused; a paid one is no refusal, because money has moved.
func TestStartOfAnEndedAttempt(t *testing.T) {
	p, f, a := newStarted(t)
	f.pay(a.ID)
	_, err := p.Start(t.Context(), a)
	wantUnclear(t, err)
	f.orders[a.ID].state = "CLOSED"
	_, err = p.Start(t.Context(), a)
	wantRefused(t, err)
	f.fault = func(*http.Request) (*http.Response, error) {
		status, answer := refusal(http.StatusForbidden, "OUT_TRADE_NO_USED", "used")
		return f.signed(status, answer), nil
	}
	_, err = p.Start(t.Context(), a)
	wantUnclear(t, err)
}

// A query tells the states apart. The amount is what the order cost, though the payer had a coupon (payer_total).
func TestQuery(t *testing.T) {
	p, f, a := newStarted(t)
	paid := payment.Payment{ID: "420000231", AttemptID: a.ID, OrderID: a.OrderID, Amount: a.Amount}
	for state, want := range map[string]payment.Status{
		"NOTPAY":     {State: payment.Open},
		"USERPAYING": {State: payment.Open},
		"ACCEPT":     {State: payment.Open},
		"PAYERROR":   {State: payment.Open},
		"SUCCESS":    {State: payment.Paid, Payments: []payment.Payment{paid}},
		"REFUND":     {State: payment.Paid, Payments: []payment.Payment{paid}},
		"CLOSED":     {State: payment.Closed},
		"REVOKED":    {State: payment.Closed},
	} {
		o := f.orders[a.ID]
		o.state, o.transactionID = state, "420000231"
		got, err := p.Query(t.Context(), a)
		if err != nil || got.State != want.State || !slices.Equal(got.Payments, want.Payments) {
			t.Errorf("%s: got %+v, %v, want %+v", state, got, err, want)
		}
	}
	f.orders[a.ID].state = "SOMETHING"
	_, err := p.Query(t.Context(), a)
	wantUnclear(t, err)
}

// WeChat Pay may not have stored an order everywhere yet when it says that it does not know it. Its attempt was closed for good
// then, while its payer had a code that lived: money of a lost callback was found by nobody. The code of an order that was made in
// the last seconds before its end lives for a minute all the same.
func TestUnknownAttemptIsOpenUntilItExpires(t *testing.T) {
	p := newProvider(t, newFake(t))
	live, last, expired := newAttempt(), newAttempt(), newAttempt()
	last.ExpiresAt = testNow().Add(-59 * time.Second)
	expired.ExpiresAt = testNow().Add(-time.Minute)
	for name, call := range map[string]func(context.Context, payment.Attempt) (payment.Status, error){
		"query": p.Query, "close": p.Close,
	} {
		for _, a := range []payment.Attempt{live, last} {
			if got, err := call(t.Context(), a); err != nil || got.State != payment.Open || got.Payments != nil {
				t.Errorf("%s of one until %v: got %+v, %v", name, a.ExpiresAt, got, err)
			}
		}
		if got, err := call(t.Context(), expired); err != nil || got.State != payment.Closed || got.Payments != nil {
			t.Errorf("%s of an expired one: got %+v, %v", name, got, err)
		}
	}
}

// An answer about another order, merchant or application, or with a payment that cannot be stored, is not believed.
func TestQueryBelievesOnlyItsOwnAnswer(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"other order":       func(m map[string]any) { m["out_trade_no"] = strings.Repeat("b", 32) },
		"other merchant":    func(m map[string]any) { m["mchid"] = "1900000110" },
		"other application": func(m map[string]any) { delete(m, "appid") },
		"no transaction id": func(m map[string]any) { delete(m, "transaction_id") },
		"no amount":         func(m map[string]any) { delete(m, "amount") },
		"no total":          func(m map[string]any) { m["amount"] = map[string]any{"payer_total": 1} },
		"no money":          func(m map[string]any) { m["amount"] = map[string]any{"total": 0} },
		"strange currency":  func(m map[string]any) { m["amount"] = map[string]any{"total": 1, "currency": "yuan"} },
		"strange attach":    func(m map[string]any) { m["attach"] = "two words" },
	} {
		t.Run(name, func(t *testing.T) {
			p, f, a := newStarted(t)
			o := f.pay(a.ID)
			f.fault = func(*http.Request) (*http.Response, error) {
				answer := f.transaction(o)
				change(answer)
				return f.signed(http.StatusOK, answer), nil
			}
			_, err := p.Query(t.Context(), a)
			wantUnclear(t, err)
		})
	}
	t.Run("no attach and no currency", func(t *testing.T) {
		p, f, a := newStarted(t)
		o := f.pay(a.ID)
		f.fault = func(*http.Request) (*http.Response, error) {
			answer := f.transaction(o)
			delete(answer, "attach")
			answer["amount"] = map[string]any{"total": 9800}
			return f.signed(http.StatusOK, answer), nil
		}
		got, err := p.Query(t.Context(), a)
		if err != nil || len(got.Payments) != 1 || got.Payments[0].OrderID != a.OrderID || got.Payments[0].Amount != a.Amount {
			t.Errorf("got %+v, %v, want what the attempt says", got, err)
		}
	})
}

// After a close no money comes any more, and a second one says the same.
func TestClose(t *testing.T) {
	p, f, a := newStarted(t)
	for range 2 {
		if got, err := p.Close(t.Context(), a); err != nil || got.State != payment.Closed {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if f.orders[a.ID].state != "CLOSED" {
		t.Error("WeChat Pay still takes money")
	}
}

// A payer who is faster than the close has paid: before it, and between WeChat Pay's answer and the query after it.
func TestCloseOfAPaidAttempt(t *testing.T) {
	paid := func(t *testing.T, got payment.Status, err error) {
		t.Helper()
		if err != nil || got.State != payment.Paid || len(got.Payments) != 1 || got.Payments[0].Amount.Amount != 9800 {
			t.Errorf("got %+v, %v, want the payment", got, err)
		}
	}
	t.Run("before", func(t *testing.T) {
		p, f, a := newStarted(t)
		f.pay(a.ID)
		got, err := p.Close(t.Context(), a)
		paid(t, got, err)
	})
	t.Run("before, in other words", func(t *testing.T) {
		p, f, a := newStarted(t)
		f.pay(a.ID)
		f.afterwards = func(r *http.Request, response *http.Response) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/close") {
				status, answer := refusal(http.StatusBadRequest, "INVALID_REQUEST", "the order is paid")
				return f.signed(status, answer), nil
			}
			return response, nil
		}
		got, err := p.Close(t.Context(), a)
		paid(t, got, err)
	})
	t.Run("meanwhile", func(t *testing.T) {
		p, f, a := newStarted(t)
		f.afterwards = func(r *http.Request, response *http.Response) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/close") {
				f.orders[a.ID].state, f.orders[a.ID].transactionID = "SUCCESS", "420000231"
			}
			return response, nil
		}
		got, err := p.Close(t.Context(), a)
		paid(t, got, err)
	})
}

// An order that WeChat Pay does not close yet stays open: its payer is paying, or it is too young.
func TestCloseThatIsTooEarly(t *testing.T) {
	p, f, a := newStarted(t)
	f.orders[a.ID].state = "USERPAYING"
	if got, err := p.Close(t.Context(), a); err != nil || got.State != payment.Open {
		t.Errorf("got %+v, %v, want open", got, err)
	}
	f.orders[a.ID].state = "NOTPAY"
	f.afterwards = func(r *http.Request, response *http.Response) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/close") {
			f.orders[a.ID].state = "NOTPAY"
			status, answer := refusal(http.StatusBadRequest, "INVALID_REQUEST", "too early")
			return f.signed(status, answer), nil
		}
		return response, nil
	}
	if got, err := p.Close(t.Context(), a); err == nil {
		t.Errorf("got %+v, want WeChat Pay's refusal", got)
	}
}

// A failed payment that is closed cannot be paid any more, but only if WeChat Pay has closed it.
func TestCloseOfAFailedPayment(t *testing.T) {
	p, f, a := newStarted(t)
	f.orders[a.ID].state = "PAYERROR"
	if got, err := p.Close(t.Context(), a); err != nil || got.State != payment.Closed {
		t.Errorf("got %+v, %v, want closed", got, err)
	}
	f.afterwards = func(r *http.Request, response *http.Response) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/close") {
			status, answer := refusal(http.StatusAccepted, "USER_PAYING", "the payer is paying")
			return f.signed(status, answer), nil
		}
		return response, nil
	}
	if got, err := p.Close(t.Context(), a); err != nil || got.State != payment.Open {
		t.Errorf("got %+v, %v, want open", got, err)
	}
}

// An outage is never a refusal, and never says that an attempt is closed or paid.
func TestOutagesAreUnclear(t *testing.T) {
	p, f, a := newStarted(t)
	f.pay(a.ID)
	r := newRefund("420000231")
	calls := map[string]func(context.Context) error{
		"start":        func(ctx context.Context) error { _, err := p.Start(ctx, a); return err },
		"query":        func(ctx context.Context) error { _, err := p.Query(ctx, a); return err },
		"close":        func(ctx context.Context) error { _, err := p.Close(ctx, a); return err },
		"refund":       func(ctx context.Context) error { _, err := p.Refund(ctx, r); return err },
		"query refund": func(ctx context.Context) error { _, err := p.QueryRefund(ctx, r); return err },
	}
	for outage, fault := range outages(f) {
		f.fault = fault
		for name, call := range calls {
			t.Run(outage+" at "+name, func(t *testing.T) { wantUnclear(t, call(t.Context())) })
		}
	}
	f.fault = nil
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, call := range calls {
		err := call(late)
		if wantUnclear(t, err); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want the context's error", name, err)
		}
	}
}

// A closed order that cannot be asked for afterwards is not called closed: the payer may have been faster.
func TestCloseWithoutItsQuery(t *testing.T) {
	p, f, a := newStarted(t)
	f.afterwards = func(r *http.Request, response *http.Response) (*http.Response, error) {
		if r.Method == http.MethodGet {
			return nil, context.DeadlineExceeded
		}
		return response, nil
	}
	_, err := p.Close(t.Context(), a)
	wantUnclear(t, err)
}

// An answer is believed by its signature: by no other key, and for no other body.
func TestAnswersAreVerified(t *testing.T) {
	for name, change := range map[string]func(*fakePay, *http.Response){
		"other key": func(_ *fakePay, r *http.Response) { r.Header.Set("Wechatpay-Serial", testKeyID+"9") },
		"other body": func(_ *fakePay, r *http.Response) {
			r.Body = answerOf(200, nil, []byte(`{"code_url":"weixin://evil"}`)).Body
		},
		"no signature": func(_ *fakePay, r *http.Response) { r.Header.Del("Wechatpay-Signature") },
		"old": func(f *fakePay, r *http.Response) {
			f.sign(r.Header, time.Now().Add(-time.Hour), encode(f.t, map[string]any{"code_url": "weixin://wxpay/bizpayurl?pr=abcdefghi"}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.afterwards = func(_ *http.Request, response *http.Response) (*http.Response, error) {
				change(f, response)
				return response, nil
			}
			_, err := newProvider(t, f).Start(t.Context(), newAttempt())
			wantUnclear(t, err)
		})
	}
}

// A redirect is not followed: a signed request is for WeChat Pay alone.
func TestRedirectsAreNotFollowed(t *testing.T) {
	f := newFake(t)
	f.fault = func(*http.Request) (*http.Response, error) {
		return answerOf(http.StatusTemporaryRedirect, http.Header{"Location": {"https://evil.example/"}}, nil), nil
	}
	_, err := newProvider(t, f).Start(t.Context(), newAttempt())
	wantUnclear(t, err)
	if len(f.calls) != 1 {
		t.Errorf("called %q", f.calls)
	}
}

// Each answer is closed, whatever is in it: the library closes only some, and a connection that is never closed is lost.
func TestAnswersAreClosed(t *testing.T) {
	f := newFake(t)
	bodies := map[string]*closing{}
	for name, answer := range map[string]io.Reader{
		"good": strings.NewReader("{}"), "endless": endless{}, "broken": iotest.ErrReader(io.ErrUnexpectedEOF),
	} {
		bodies[name] = &closing{Reader: answer}
		f.fault = func(*http.Request) (*http.Response, error) {
			response := f.signed(http.StatusOK, nil)
			response.Body = bodies[name]
			return response, nil
		}
		_, err := newProvider(t, f).Start(t.Context(), newAttempt())
		wantUnclear(t, err)
		if !bodies[name].closed {
			t.Errorf("%s: the answer was not closed", name)
		}
	}
}

// closing is an answer's body that knows whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}
