package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/payment"
)

func TestThePayPage(t *testing.T) {
	f := newFixture(t, None())
	a := f.attempt("a1")
	a.Description = `<script>alert("x")</script>`
	if _, err := f.client.Start(f.context(), a); err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string]string{"en-GB": "Pay twice", "zh-CN,zh;q=0.9": "\u652f\u4ed8\u4e24\u6b21"} {
		for _, path := range []string{"/pay/a1", "/", "/pay/unknown"} {
			status, text, header := f.get(path, language)
			if isMissing := path == "/pay/unknown"; isMissing != (status == http.StatusNotFound) || !isMissing && status != http.StatusOK {
				t.Errorf("%s: status %d", path, status)
			}
			checkPage(t, path, text, header)
			if path == "/pay/a1" && (!strings.Contains(text, want) || !strings.Contains(text, "98.00 CNY") || !strings.Contains(text, "order_a1")) {
				t.Errorf("%s lacks something:\n%s", path, text)
			}
		}
	}
	_, _, header := f.get("/pay/a1", "en")
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://shop.example;") {
		t.Errorf("the way back to the shop is barred: %s", policy)
	}
}

// checkPage checks what every page must be.
func checkPage(t *testing.T, path, text string, header http.Header) {
	t.Helper()
	if !strings.Contains(text, `<meta name="viewport" content="width=device-width, initial-scale=1">`) {
		t.Errorf("%s: no viewport", path)
	}
	const moments = `<script type="module" src="/moments.js"></script>`
	if regexp.MustCompile(`(?i)<script|javascript:|\son\w+=|\sstyle=|<style`).MatchString(strings.Replace(text, moments, "", 1)) {
		t.Errorf("%s: another script, or a style:\n%s", path, text)
	}
	if regexp.MustCompile(`(?i)<(table|pre)|\swidth="\d{3}`).MatchString(text) {
		t.Errorf("%s: wider than a phone:\n%s", path, text)
	}
	policy := header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("%s: policy %q", path, policy)
	}
	if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" || header.Get("Vary") != "Accept-Language" {
		t.Errorf("%s: headers %v", path, header)
	}
}

func TestTheStyleFitsAPhone(t *testing.T) {
	f := newFixture(t, None())
	_, css, header := f.get("/style.css", "")
	if header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(css, "color-scheme: light dark") {
		t.Errorf("style: %v", header)
	}
	for _, width := range regexp.MustCompile(`min-width: *(\d+)px|[^-]width: *(\d{3,})px`).FindAllString(css, -1) {
		t.Errorf("a fixed width: %s", width)
	}
	if status, _, header := f.get("/icon.svg", ""); status != http.StatusOK || header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("icon: %d, %v", status, header)
	}
}

func TestEachButton(t *testing.T) {
	for does, want := range map[act][]money{
		actPay: {{9800, "CNY"}}, actTwice: {{9800, "CNY"}, {9800, "CNY"}}, actLate: {{9800, "CNY"}}, actAmount: {{9799, "CNY"}},
		actCurrency: {{9800, "USD"}}, actLeave: nil,
	} {
		t.Run(string(does), func(t *testing.T) {
			f := newFixture(t, None())
			a := f.start("a1")
			if status, location := f.press("a1", does, "50ms"); status != http.StatusSeeOther || location != a.ReturnURL {
				t.Fatalf("%d to %q", status, location)
			}
			var got []money
			for _, p := range f.idle().Attempts["a1"].Payments {
				got = append(got, money{p.Amount, p.Currency})
				if f.payments[p.PaymentID].Amount.Amount != p.Amount {
					t.Errorf("the office learned %v", f.payments)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("paid %v, want %v", got, want)
			}
		})
	}
}

func TestWithoutAReturnAddressThePageSaysWhatHappened(t *testing.T) {
	f := newFixture(t, None())
	for _, does := range acts() {
		a := f.attempt(string(does))
		a.ReturnURL = ""
		if _, err := f.client.Start(f.context(), a); err != nil {
			t.Fatal(err)
		}
		_, location := f.press(a.ID, does, "0s")
		if location != "/pay/"+a.ID+"?did="+string(does) {
			t.Errorf("%s leads to %q", does, location)
		}
		for _, language := range []string{"en", "zh"} {
			_, text, header := f.get(location, language)
			checkPage(t, location, text, header)
			if said := f.texts(language)["did_"+string(does)]; said == "" || !strings.Contains(text, said) {
				t.Errorf("%s in %s says\n%s", does, language, text)
			}
		}
	}
	if _, text, _ := f.get("/pay/leave?did=<b>", "en"); strings.Contains(text, "<b>") || strings.Contains(text, "news") {
		t.Errorf("it says\n%s", text)
	}
}

func (f *fixture) texts(language string) map[string]string {
	f.Helper()
	texts, err := readTexts()
	if err != nil {
		f.Fatal(err)
	}
	return texts[language]
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	f := newFixture(t, None())
	en, zh := f.texts("en"), f.texts("zh")
	for key := range en {
		if en[key] == "" || zh[key] == "" {
			t.Errorf("%s lacks a text", key)
		}
	}
	if len(en) != len(zh) || len(en) == 0 {
		t.Errorf("%d texts and %d", len(en), len(zh))
	}
	for header, want := range map[string]string{
		"": "en", "zh": "zh", "zh-TW": "zh", "ZH-cn": "zh", "en-US,zh;q=0.5": "en", "en;q=0.3, zh;q=0.8": "zh", "fr": "en", "fr, zh;q=0.1": "zh",
		"zh;q=0": "en", "zh;q=x": "en", ";;,,": "en", "en,zh": "en", "*": "en",
	} {
		if got := languageOf(header); got != want {
			t.Errorf("%q: %s", header, got)
		}
	}
}

func TestFormsThatAreNotOurs(t *testing.T) {
	f := newFixture(t, None())
	f.start("a1")
	for name, step := range map[string]struct {
		path, form string
		want       int
	}{
		"nothing":        {"/pay/a1", "", 422},
		"unknown act":    {"/pay/a1", "act=steal", 422},
		"never":          {"/pay/a1", "act=late&after=never", 422},
		"in a year":      {"/pay/a1", "act=late&after=8760h", 422},
		"yesterday":      {"/pay/a1", "act=late&after=-24h", 422},
		"in the query":   {"/pay/a1?act=pay", "", 422},
		"bad escape":     {"/pay/a1", "act=%zz", 400},
		"huge":           {"/pay/a1", "act=pay&x=" + strings.Repeat("x", formBytesMax), 400},
		"unknown":        {"/pay/a2", "act=pay", 404},
		"leave unknown":  {"/pay/a2", "act=leave", 404},
		"late unknown":   {"/pay/a2", "act=late&after=0s", 404},
		"odd id":         {"/pay/%3Cb%3E", "act=pay", 404},
		"wanted address": {"/pay/a1?return_url=http://evil.example", "act=leave&return_url=http://evil.example", 303},
	} {
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		response, err := client.Post(f.server.URL+step.path, "application/x-www-form-urlencoded", strings.NewReader(step.form))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != step.want || strings.Contains(response.Header.Get("Location"), "evil") {
			t.Errorf("%s: %d to %q", name, response.StatusCode, response.Header.Get("Location"))
		}
	}
	if books := f.idle(); len(books.Taken) != 0 {
		t.Errorf("taken: %v", books.Taken)
	}
}

func TestAnAttemptIsPaidByOneAct(t *testing.T) {
	f := newFixture(t, None())
	f.start("a1")
	f.pay("a1")
	for _, does := range []act{actPay, actTwice, actLate} {
		if status, location := f.press("a1", does, "0s"); status != http.StatusConflict || location != "" {
			t.Errorf("%s: %d", does, status)
		}
	}
	f.start("a2")
	for i := range lateMax + 1 {
		if status, _ := f.press("a2", actLate, "30s"); (status == http.StatusSeeOther) != (i < lateMax) {
			t.Errorf("promise %d: %d", i, status)
		}
	}
	if books := f.sim.Books(); books.Taken["CNY"] != 9800 {
		t.Errorf("taken: %v", books.Taken)
	}
}

func TestTheWayBackInThePolicy(t *testing.T) {
	for returnURL, want := range map[string]string{
		"": "", "https://shop.example:8443/x?y": " https://shop.example:8443", "http://[::1]:80/": " http:",
		"http://a'; script-src *;/": "",
	} {
		if got := formTarget(returnURL); got != want {
			t.Errorf("%s: %q", returnURL, got)
		}
	}
}

func TestTheOverviewAndTheBooks(t *testing.T) {
	f := newFixture(t, None())
	if _, text, _ := f.get("/", "zh"); !strings.Contains(text, f.texts("zh")["no_attempts"]) {
		t.Errorf("it says\n%s", text)
	}
	a := f.start("a1")
	f.start("a2")
	p := f.pay("a1")
	if _, err := f.client.Close(f.context(), f.attempt("a2")); err != nil {
		t.Fatal(err)
	}
	if r, err := f.client.Refund(f.context(), refundOf(p, "rf_1", 300)); err != nil || r.State != payment.RefundDone {
		t.Fatalf("%+v, %v", r, err)
	}
	want := f.idle()
	_, text, header := f.get("/", "en")
	checkPage(t, "/", text, header)
	for _, part := range []string{
		`href="/pay/a1"`, `href="/pay/a2"`, `data-state="paid"`, `data-state="closed"`, "98.00 CNY", "3.00 CNY", "95.00 CNY", a.Description,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %q:\n%s", part, text)
		}
	}
	if strings.Index(text, "/pay/a2") > strings.Index(text, "/pay/a1") {
		t.Error("the latest is not first")
	}
	status, raw, header := f.get("/books", "")
	var books Books
	if err := json.Unmarshal([]byte(raw), &books); err != nil || status != http.StatusOK || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d, %v", status, err)
	}
	if got, want := string(mustJSON(t, books)), string(mustJSON(t, want)); got != want || books.Refunds["rf_1"].Moved != 1 {
		t.Errorf("the books are\n%s\nnot\n%s", got, want)
	}
	for _, path := range []string{"/pay/", "/web/texts.json", "/texts.json", "/../go.mod", "//evil.example/pay/a1"} {
		if status, _, _ := f.get(path, ""); status != http.StatusNotFound && path != "//evil.example/pay/a1" {
			t.Errorf("%s: %d", path, status)
		}
	}
	if u, err := url.Parse(f.server.URL); err != nil || u.Host == "" {
		t.Error(err)
	}
}

func TestSumsForPeople(t *testing.T) {
	for want, m := range map[string]money{
		"98.00 CNY": {9800, "CNY"}, "0.01 USD": {1, "USD"}, "500 JPY": {500, "JPY"}, "0.005 KWD": {5, "KWD"},
		"500 XAF": {500, "XAF"}, "5.00 HUF": {500, "HUF"}, "1.234 KWD": {1234, "KWD"},
	} {
		if got := formatMoney(m.amount, m.currency); got != want {
			t.Errorf("%s instead of %s", got, want)
		}
	}
	if got := sums(actAmount, money{1, "CNY"}); got[0].amount != 2 {
		t.Errorf("one cent less than one is %v", got)
	}
	if got := sums(actCurrency, money{1, "USD"}); got[0].currency != "EUR" {
		t.Errorf("another currency than USD is %v", got)
	}
}

// Payers come to the page by a code or by a form, if that is asked for.
func TestWaysToThePage(t *testing.T) {
	f := newFixture(t, None(), func(o *Options) { o.Action = payment.ShowQR })
	if started, err := f.client.Start(f.context(), f.attempt("a1")); err != nil || started.Action.Kind != payment.ShowQR ||
		started.Action.QR != f.server.URL+"/pay/a1" {
		t.Errorf("by a code: %+v, %v", started, err)
	}
	f = newFixture(t, None(), func(o *Options) { o.Action = payment.PostForm })
	started, err := f.client.Start(f.context(), f.attempt("a1"))
	if err != nil || started.Action.Kind != payment.PostForm {
		t.Fatalf("by a form: %+v, %v", started, err)
	}
	for id, want := range map[string]int{started.Action.Fields["attempt_id"]: http.StatusOK, "": 400, "../books": 400, "nobody": 404} {
		response, err := http.PostForm(started.Action.URL, url.Values{"attempt_id": {id}})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want || want == http.StatusOK && response.Request.URL.Path != "/pay/a1" {
			t.Errorf("%q: %s at %s, want %d", id, response.Status, response.Request.URL, want)
		}
	}
	if _, err := New(Options{Secret: testSecret, PublicURL: func() string { return "" }, Action: "fax"}); err == nil {
		t.Error("a way that there is none of is taken")
	}
}

// The page of a payment said "Order ID" twice, the second time in English to a Chinese reader, and its deadline as programs write
// it.
func TestThePayPageNamesItsOrderOnce(t *testing.T) {
	f := newFixture(t, None())
	a := f.attempt("a1")
	a.Description = "Order " + a.OrderID
	if _, err := f.client.Start(f.context(), a); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/pay/a1", "/"} {
		_, text, _ := f.get(path, "zh-CN")
		if strings.Contains(text, "Order "+a.OrderID) || !strings.Contains(text, "\u8ba2\u5355 "+a.OrderID) {
			t.Errorf("%s: the order is named otherwise:\n%s", path, text)
		}
	}
	_, text, _ := f.get("/pay/a1", "en")
	if until := a.ExpiresAt.Local().Format("2006-01-02 15:04:05 MST"); !strings.Contains(text, ">"+until+"</time>") {
		t.Errorf("it is not told until when, %s:\n%s", until, text)
	}
}

// A payer in Shanghai read a deadline in UTC, eight hours ago by the clock on the wall. The browser knows the zone, if the page has
// the script that asks it, and the time in a form that programs read.
func TestThePayPageLeavesItsTimesToTheBrowser(t *testing.T) {
	f := newFixture(t, None())
	a := f.start("a1")
	_, text, _ := f.get("/pay/a1", "en")
	if !strings.Contains(text, `src="/moments.js"`) {
		t.Errorf("it has no script for times:\n%s", text)
	}
	written := regexp.MustCompile(`<time datetime="([^"]+)">`).FindStringSubmatch(text)
	if written == nil {
		t.Fatalf("it has no time:\n%s", text)
	}
	if until, err := time.Parse(time.RFC3339, written[1]); err != nil || !until.Equal(a.ExpiresAt.Truncate(time.Second)) {
		t.Errorf("the deadline is %s, want %s", written[1], a.ExpiresAt)
	}
	status, script, header := f.get("/moments.js", "")
	if status != http.StatusOK || header.Get("Content-Type") != "text/javascript; charset=utf-8" || !strings.Contains(script, "time[datetime]") {
		t.Errorf("the script: %d, %v\n%s", status, header, script)
	}
}
