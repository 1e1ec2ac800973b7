package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"boxoffice/payment"
)

const (
	formBytesMax = 4 << 10
	latestMax    = 50
	lateAfterMax = time.Hour
)

// pages serves the payer's page and the overview to browsers. They can be used without a script.
type pages struct {
	cashier   *cashier
	texts     map[string]map[string]string
	templates *template.Template
	books     chan struct{} // one request at a time reads all of the books
}

func newPages(c *cashier) (*pages, error) {
	texts, err := readTexts()
	if err != nil {
		return nil, err
	}
	templates, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"money": formatMoney, "what": whatIsPaid, "moment": moment}).
		ParseFS(files, "web/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse pages: %w", err)
	}
	return &pages{cashier: c, texts: texts, templates: templates, books: make(chan struct{}, 1)}, nil
}

func (p *pages) addRoutes(mux *http.ServeMux) error {
	mux.HandleFunc("GET "+payPrefix+"{id}", p.showAttempt)
	mux.HandleFunc("POST "+payPrefix+"{id}", p.act)
	mux.HandleFunc("POST "+checkoutPath, p.checkOut)
	mux.HandleFunc("GET /{$}", p.showOverview)
	mux.HandleFunc("GET /books", p.answerBooks)
	for name, contentType := range map[string]string{
		"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml", "moments.js": "text/javascript; charset=utf-8",
	} {
		content, err := files.ReadFile("web/" + name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(content) // the browser may be gone
		})
	}
	return nil
}

// page is what each page shows.
type page struct {
	Language string
	T        map[string]string // the texts
}

func (p *pages) pageFor(r *http.Request) page {
	language := languageOf(r.Header.Get("Accept-Language"))
	return page{language, p.texts[language]}
}

// attemptPage is the page of one attempt.
type attemptPage struct {
	page
	view
	IsOpen bool
	Said   string // what has just happened
	Kind   string // good, bad or wait
	Delays []delay
}

// delay is a choice of when late money comes.
type delay struct{ Value, Text string }

func (p *pages) delays(t map[string]string) []delay {
	return []delay{{"5s", t["after_5s"]}, {"30s", t["after_30s"]}, {"2m", t["after_2m"]}, {"6m", t["after_6m"]}}
}

func (p *pages) showAttempt(w http.ResponseWriter, r *http.Request) {
	texts := p.pageFor(r).T
	if did := r.URL.Query().Get("did"); slices.Contains(acts(), act(did)) {
		kind := "good"
		if act(did) == actLate || act(did) == actLeave {
			kind = "wait"
		}
		p.showAttemptWith(w, r, http.StatusOK, texts["did_"+did], kind)
		return
	}
	p.showAttemptWith(w, r, http.StatusOK, "", "")
}

// showAttemptWith shows an attempt, and above it what has happened.
func (p *pages) showAttemptWith(w http.ResponseWriter, r *http.Request, status int, said, kind string) {
	shown := p.pageFor(r)
	found, err := p.cashier.find(r.PathValue("id"))
	if err != nil {
		p.show(w, http.StatusNotFound, "missing.html", "", shown)
		return
	}
	p.show(w, status, "pay.html", formTarget(found.ReturnURL), attemptPage{
		page: shown, view: found, IsOpen: found.State == payment.Open, Said: said, Kind: kind, Delays: p.delays(shown.T),
	})
}

// checkOut sends a payer who comes by a form to the page of the attempt.
func (p *pages) checkOut(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formBytesMax)
	if err := r.ParseForm(); err != nil || !isName(r.PostForm.Get(checkoutField)) {
		p.show(w, http.StatusBadRequest, "missing.html", "", p.pageFor(r))
		return
	}
	seeOther(w, payPrefix+r.PostForm.Get(checkoutField))
}

func acts() []act { return []act{actPay, actTwice, actLate, actAmount, actCurrency, actLeave} }

// act does what a button says, and sends the browser back to the shop.
func (p *pages) act(w http.ResponseWriter, r *http.Request) {
	texts := p.pageFor(r).T
	r.Body = http.MaxBytesReader(w, r.Body, formBytesMax)
	if err := r.ParseForm(); err != nil {
		p.showAttemptWith(w, r, http.StatusBadRequest, texts["bad_form"], "bad")
		return
	}
	does := act(r.PostForm.Get("act"))
	after, err := time.ParseDuration(r.PostForm.Get("after"))
	if !slices.Contains(acts(), does) || does == actLate && (err != nil || after < 0 || after > lateAfterMax) {
		p.showAttemptWith(w, r, http.StatusUnprocessableEntity, texts["bad_form"], "bad")
		return
	}
	id := r.PathValue("id")
	found, err := p.cashier.find(id)
	if err == nil {
		err = p.cashier.act(id, does, after)
	}
	switch {
	case errors.Is(err, errUnknown):
		p.show(w, http.StatusNotFound, "missing.html", "", p.pageFor(r))
	case errors.Is(err, errPaid):
		p.showAttemptWith(w, r, http.StatusConflict, texts["already_paid"], "bad")
	case errors.Is(err, errClosed):
		p.showAttemptWith(w, r, http.StatusConflict, texts["already_closed"], "bad")
	case err != nil:
		p.showAttemptWith(w, r, http.StatusServiceUnavailable, texts["busy"], "bad")
	case found.ReturnURL != "":
		seeOther(w, found.ReturnURL)
	default:
		seeOther(w, payPrefix+id+"?did="+string(does))
	}
}

// seeOther redirects to an address that was checked when it came: an http or https URL, or a path of ours.
func seeOther(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// formTarget is where a form of the page may lead besides here: browsers hold redirects after a form to the policy too.
func formTarget(returnURL string) string {
	u, err := url.Parse(returnURL)
	if err != nil || u.Host == "" {
		return ""
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-"
	if strings.Trim(u.Host, allowed) != "" { // an IPv6 address, which the policy cannot name
		return " " + u.Scheme + ":"
	}
	return " " + u.Scheme + "://" + u.Host
}

// overview is the page that shows all.
type overview struct {
	page
	Totals
	Currencies []currencyRow
	Attempts   []view
}

type currencyRow struct {
	Currency              string
	Taken, SentBack, Kept int64
}

func (p *pages) showOverview(w http.ResponseWriter, r *http.Request) {
	o := overview{page: p.pageFor(r), Totals: p.cashier.totals(), Attempts: p.cashier.ledger.latest(latestMax)}
	for currency, taken := range o.Taken {
		back := o.SentBack[currency]
		o.Currencies = append(o.Currencies, currencyRow{currency, taken, back, taken - back})
	}
	slices.SortFunc(o.Currencies, func(a, b currencyRow) int { return strings.Compare(a.Currency, b.Currency) })
	p.show(w, http.StatusOK, "overview.html", "", o)
}

// answerBooks answers with all of the books, to one reader at a time.
func (p *pages) answerBooks(w http.ResponseWriter, _ *http.Request) {
	select {
	case p.books <- struct{}{}:
		defer func() { <-p.books }()
		answerJSON(w, http.StatusOK, p.cashier.books())
	default:
		answerError(w, http.StatusServiceUnavailable, "somebody else is reading the books")
	}
}

// show renders a page. The policy allows no script within a page, and nothing from another origin but the way back to
// the shop.
func (p *pages) show(w http.ResponseWriter, status int, name, formTarget string, data any) {
	var html bytes.Buffer
	if err := p.templates.ExecuteTemplate(&html, name, data); err != nil {
		p.cashier.courier.log.Error("render a page", "page", name, "error", err)
		answerError(w, http.StatusInternalServerError, "the page cannot be shown")
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Vary", "Accept-Language")
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "+
		"form-action 'self'"+formTarget+"; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(html.Bytes()) // the browser may be gone
}

// whatIsPaid is a description that says more than the number of its order, which stands beside it in the reader's language.
func whatIsPaid(description, orderID string) string {
	if description == "Order "+orderID {
		return ""
	}
	return description
}

// moment writes a time for people, in the zone of this process. Only the browser knows the reader's, which moments.js puts in
// place.
func moment(written string) string {
	at, err := time.Parse(time.RFC3339, written)
	if err != nil {
		return written
	}
	return at.Local().Format("2006-01-02 15:04:05 MST")
}
