package simulator

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

func TestAPaymentFromStartToRefund(t *testing.T) {
	f := newFixture(t, None())
	a := f.attempt("a1")
	started, err := f.client.Start(f.context(), a)
	if err != nil || started.Action.Kind != payment.Redirect || started.Action.URL != f.server.URL+"/pay/a1" || started.Reference == "" {
		t.Fatalf("started %+v, %v", started, err)
	}
	if status, err := f.client.Query(f.context(), a); err != nil || status.State != payment.Open || len(status.Payments) != 0 {
		t.Fatalf("before: %+v, %v", status, err)
	}
	if status, location := f.press("a1", actPay, ""); status != http.StatusSeeOther || location != a.ReturnURL {
		t.Fatalf("paid: %d to %q", status, location)
	}
	status, err := f.client.Query(f.context(), a)
	if err != nil || status.State != payment.Paid || len(status.Payments) != 1 || status.Payments[0].Amount != a.Amount {
		t.Fatalf("after: %+v, %v", status, err)
	}
	p := status.Payments[0]
	if status, err := f.client.Close(f.context(), a); err != nil || status.State != payment.Paid {
		t.Fatalf("closed after it was paid: %+v, %v", status, err)
	}
	for range 3 { // the same key is the same refund
		if r, err := f.client.Refund(f.context(), refundOf(p, "rf_1", 9800)); err != nil || r.State != payment.RefundDone {
			t.Fatalf("refund: %+v, %v", r, err)
		}
	}
	if r, err := f.client.QueryRefund(f.context(), refundOf(p, "rf_1", 9800)); err != nil || r.State != payment.RefundDone {
		t.Fatalf("ask for refund: %+v, %v", r, err)
	}
	books := f.idle()
	if books.Taken["CNY"] != 9800 || books.SentBack["CNY"] != 9800 {
		t.Errorf("the books say %v taken, %v sent back", books.Taken, books.SentBack)
	}
	if r := books.Refunds["rf_1"]; r.Calls != 3 || r.Moved != 1 {
		t.Errorf("the refund in the books: %+v", r)
	}
	if got := f.payments[p.ID]; got != p || f.refunds["rf_1"] != payment.RefundDone {
		t.Errorf("the office learned of %+v and %v", got, f.refunds)
	}
}

func TestStartIsIdempotent(t *testing.T) {
	f := newFixture(t, None())
	a := f.start("a1")
	f.start("a1")
	for name, change := range map[string]func(*payment.Attempt){
		"amount":   func(a *payment.Attempt) { a.Amount.Amount++ },
		"currency": func(a *payment.Attempt) { a.Amount.Currency = "USD" },
		"order":    func(a *payment.Attempt) { a.OrderID = "another" },
	} {
		other := a
		change(&other)
		if _, err := f.client.Start(f.context(), other); !errors.Is(err, payment.ErrRefused) || !strings.Contains(err.Error(), "409") {
			t.Errorf("another %s: %v", name, err)
		}
	}
	f.pay("a1")
	f.start("a1") // its answer may have been lost
	if books := f.idle(); len(books.Attempts) != 1 || books.Taken["CNY"] != 9800 {
		t.Errorf("the books: %+v", books)
	}
}

func TestClose(t *testing.T) {
	f := newFixture(t, None())
	a := f.start("a1")
	for range 2 {
		if status, err := f.client.Close(f.context(), a); err != nil || status.State != payment.Closed {
			t.Fatalf("close: %+v, %v", status, err)
		}
	}
	if status, _ := f.press("a1", actPay, ""); status != http.StatusConflict {
		t.Errorf("paid a closed attempt: %d", status)
	}
	if status, err := f.client.Query(f.context(), f.attempt("unknown")); err != nil || status.State != payment.Closed {
		t.Errorf("unknown: %+v, %v", status, err)
	}
	f.idle()
	if !f.closed["a1"] || len(f.got("")) != 1 {
		t.Errorf("the office got %v", f.got(""))
	}
}

func TestAnAttemptEndsWithItsTime(t *testing.T) {
	f := newFixture(t, None())
	a := f.start("a1")
	f.start("a2")
	f.clock.advance(15*time.Minute + time.Second)
	if status, _ := f.press("a1", actPay, ""); status != http.StatusConflict {
		t.Errorf("paid too late: %d", status)
	}
	if status, err := f.client.Query(f.context(), a); err != nil || status.State != payment.Closed {
		t.Errorf("%+v, %v", status, err)
	}
	if status, _ := f.press("a2", actLeave, ""); status != http.StatusSeeOther {
		t.Errorf("left too late: %d", status)
	}
	f.idle()
	if !f.closed["a1"] || !f.closed["a2"] {
		t.Errorf("the office learned of the end of %v", f.closed)
	}
}

func TestRefundsNeverExceedTheirPayment(t *testing.T) {
	f := newFixture(t, None())
	f.start("a1")
	p := f.pay("a1")
	other := p
	other.Amount.Currency = "USD"
	unknown := p
	unknown.ID = "sim_unknown_1"
	for _, step := range []struct {
		refund payment.Refund
		want   string
	}{
		{refundOf(p, "rf_1", 9801), "409"},
		{refundOf(p, "rf_2", 5000), ""},
		{refundOf(p, "rf_3", 4801), "409"},
		{refundOf(p, "rf_2", 4800), "409"}, // the same key for another sum
		{refundOf(other, "rf_4", 1), "409"},
		{refundOf(unknown, "rf_5", 1), "404"},
		{refundOf(p, "rf 6", 1), "422"},
		{refundOf(p, "rf_7", 0), "422"},
		{refundOf(p, "rf_8", 4800), ""},
		{refundOf(p, "rf_9", 1), "409"},
	} {
		_, err := f.client.Refund(f.context(), step.refund)
		if step.want == "" && err != nil || step.want != "" && (!errors.Is(err, payment.ErrRefused) || !strings.Contains(err.Error(), step.want)) {
			t.Errorf("refund %+v: %v, want %q", step.refund, err, step.want)
		}
	}
	if _, err := f.client.QueryRefund(f.context(), refundOf(p, "rf_9", 1)); !errors.Is(err, payment.ErrUnknownRefund) {
		t.Errorf("ask for an unknown refund: %v", err)
	}
	if books := f.idle(); books.SentBack["CNY"] != 9800 || len(books.Refunds) != 2 {
		t.Errorf("the books: %+v", books)
	}
}

func TestWhatTheAPIRefuses(t *testing.T) {
	f := newFixture(t, None())
	good := webhook.StartBody{
		AttemptID: "a1", OrderID: "o1", Amount: 1, Currency: "CNY", CallbackURL: f.office.server.URL,
		ReturnURL: "https://shop.example/", ExpiresAt: f.clock.now().Add(time.Hour).Format(time.RFC3339),
	}
	changed := func(change func(*webhook.StartBody)) string {
		b := good
		change(&b)
		return string(mustJSON(t, b))
	}
	for name, step := range map[string]struct {
		body string
		want int
	}{
		"empty":                   {"", 400},
		"not JSON":                {"{", 400},
		"list":                    {"[]", 400},
		"text for amount":         {`{"attempt_id":"a1","amount":"1"}`, 400},
		"fraction":                {`{"attempt_id":"a1","amount":1.5}`, 400},
		"huge amount":             {`{"attempt_id":"a1","amount":1e30}`, 400},
		"number for id":           {`{"attempt_id":1}`, 400},
		"two amounts":             {`{"attempt_id":"a1","amount":1,"amount":2}`, 400},
		"nothing given":           {"{}", 422},
		"null":                    {"null", 422},
		"huge":                    {`{"attempt_id":"` + strings.Repeat("a", bodyBytesMax) + `"}`, 413},
		"long id":                 {changed(func(b *webhook.StartBody) { b.AttemptID = strings.Repeat("a", 65) }), 422},
		"id with a path":          {changed(func(b *webhook.StartBody) { b.AttemptID = "../a" }), 422},
		"order id":                {changed(func(b *webhook.StartBody) { b.OrderID = "a b" }), 422},
		"no amount":               {changed(func(b *webhook.StartBody) { b.Amount = 0 }), 422},
		"too much":                {changed(func(b *webhook.StartBody) { b.Amount = amountMax + 1 }), 422},
		"currency":                {changed(func(b *webhook.StartBody) { b.Currency = "RENMINBIS" }), 422},
		"long description":        {changed(func(b *webhook.StartBody) { b.Description = strings.Repeat("a", 501) }), 422},
		"time":                    {changed(func(b *webhook.StartBody) { b.ExpiresAt = "soon" }), 422},
		"time, hour of one digit": {changed(func(b *webhook.StartBody) { b.ExpiresAt = "2126-01-02T5:00:00Z" }), 422},
		"script to return to":     {changed(func(b *webhook.StartBody) { b.ReturnURL = "javascript:alert(1)" }), 422},
		"script with a host":      {changed(func(b *webhook.StartBody) { b.ReturnURL = "javascript://shop.example/%0aalert(1)" }), 422},
		"another scheme":          {changed(func(b *webhook.StartBody) { b.ReturnURL = "ftp://shop.example/" }), 422},
		"callback by ftp":         {changed(func(b *webhook.StartBody) { b.CallbackURL = "ftp://127.0.0.1/" }), 422},
		"data to return to":       {changed(func(b *webhook.StartBody) { b.ReturnURL = "data:text/html,x" }), 422},
		"no scheme":               {changed(func(b *webhook.StartBody) { b.ReturnURL = "//shop.example/" }), 422},
		"path to return to":       {changed(func(b *webhook.StartBody) { b.ReturnURL = "/orders" }), 422},
		"no host":                 {changed(func(b *webhook.StartBody) { b.ReturnURL = "http:///x" }), 422},
		"backslash":               {changed(func(b *webhook.StartBody) { b.ReturnURL = `http://a\@b/` }), 422},
		"password":                {changed(func(b *webhook.StartBody) { b.ReturnURL = "http://shop.example@evil.example/" }), 422},
		"new line":                {changed(func(b *webhook.StartBody) { b.ReturnURL = "http://shop.example/\r\nX: y" }), 422},
		"no callback":             {changed(func(b *webhook.StartBody) { b.CallbackURL = "" }), 422},
		"callback to a file":      {changed(func(b *webhook.StartBody) { b.CallbackURL = "file:///etc/passwd" }), 422},
		"stranger's callback":     {changed(func(b *webhook.StartBody) { b.CallbackURL = "http://192.0.2.1/" }), 422},
		"named stranger":          {changed(func(b *webhook.StartBody) { b.CallbackURL = "http://localhost.example/" }), 422},
	} {
		t.Run(name, func(t *testing.T) {
			if status, answer := f.call(webhook.PathPayments, []byte(step.body), f.client.Sign); status != step.want {
				t.Errorf("status %d, %s; want %d", status, answer, step.want)
			}
		})
	}
	if books := f.idle(); len(books.Attempts) != 0 || books.Counts != (Counts{}) {
		t.Errorf("the books: %+v", books)
	}
	if status, answer := f.call(webhook.PathPayments, mustJSON(t, good), f.client.Sign); status != 200 {
		t.Errorf("the good one: %d, %s", status, answer)
	}
}

func TestOnlyTheOfficeIsServed(t *testing.T) {
	f := newFixture(t, None())
	f.start("a1")
	paid := f.pay("a1")
	other, err := webhook.New(webhook.Options{
		Secrets: []string{"whsec_" + strings.Repeat("QUJD", 8)}, Now: f.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	old, err := webhook.New(webhook.Options{
		Secrets: []string{testSecret}, Now: func() time.Time { return f.clock.now().Add(-10 * time.Minute) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, sign := range map[string]func(http.Header, string, []byte){
		"unsigned": nil, "another secret": other.Sign, "too old": old.Sign,
		"another body": func(h http.Header, id string, _ []byte) { f.client.Sign(h, id, []byte("{}")) },
	} {
		for _, path := range []string{
			webhook.PathPayments, webhook.PathPaymentsQuery, webhook.PathPaymentsClose, webhook.PathRefunds, webhook.PathRefundsQuery,
		} {
			body := mustJSON(t, webhook.RefundBody{Key: "rf_1", PaymentID: paid.ID, Amount: 1, Currency: "CNY"})
			if status, _ := f.call(path, body, sign); status != http.StatusUnauthorized {
				t.Errorf("%s: %s answered %d", name, path, status)
			}
		}
	}
	if books := f.idle(); len(books.Refunds) != 0 {
		t.Errorf("refunds: %v", books.Refunds)
	}
	if status, _, _ := f.get("/api"+webhook.PathPayments, ""); status != http.StatusMethodNotAllowed {
		t.Errorf("GET answered %d", status)
	}
}

func TestAFullSimulatorAsksForPatience(t *testing.T) {
	f := newFixture(t, None(), func(o *Options) { o.Kept = 1 })
	f.start("a1")
	_, err := f.client.Start(f.context(), f.attempt("a2"))
	if err == nil || errors.Is(err, payment.ErrRefused) || !strings.Contains(err.Error(), "503") {
		t.Errorf("start: %v", err)
	}
	f.start("a1")
	p := f.pay("a1")
	if _, err := f.client.Refund(f.context(), refundOf(p, "rf_1", 1)); err != nil {
		t.Error(err)
	}
	if _, err := f.client.Refund(f.context(), refundOf(p, "rf_2", 1)); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Errorf("refund: %v", err)
	}
}

func TestAnAddressThatIsNotKnownYet(t *testing.T) {
	f := newFixture(t, None(), func(o *Options) { o.PublicURL = func() string { return "" } })
	if _, err := f.client.Start(f.context(), f.attempt("a1")); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Errorf("start: %v", err)
	}
	if books := f.idle(); len(books.Attempts) != 0 {
		t.Errorf("attempts: %v", books.Attempts)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Secret: testSecret, PublicURL: func() string { return "http://127.0.0.1" }}
	for name, change := range map[string]func(*Options){
		"secret":      func(o *Options) { o.Secret = "secret" },
		"address":     func(o *Options) { o.PublicURL = nil },
		"share":       func(o *Options) { o.Faults.Away = 1.1 },
		"kept":        func(o *Options) { o.Kept = -1 },
		"first pause": func(o *Options) { o.FirstPause = time.Hour },
	} {
		opts := good
		change(&opts)
		if s, err := New(opts); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
	s, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close() // is harmless
}
