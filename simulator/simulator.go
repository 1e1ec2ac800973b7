// Package simulator is a payment provider for demos and tests that misbehaves on request: it takes and sends back
// pretended money, tells the office late, twice, in the wrong order or not at all, and keeps books of what has really
// happened, for who wants to prove that the office lost and doubled nothing.
package simulator

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

const (
	defaultKept       = 1_000_000
	defaultFirstPause = time.Second
	tasksMax          = 200_000
	actSlots          = 16
	postSlots         = 64
	closePatience     = 5 * time.Second
)

// Options configures a Simulator. Secret and PublicURL are required.
type Options struct {
	Secret string // "whsec_" and base64: signs the office's calls and the callbacks
	// Seed is that of all that is drawn. The same seed deals the same to the same purchases, whatever their ids are: whether and
	// how a payer pays by himself, what becomes of each event and of the nth call about each thing, how each refund ends, and how
	// long the pauses are. When things meet is up to the machine, and with it what the office asks for: not replayed is the order
	// of what comes at once, nor how often something is asked for. See names for how a purchase is known again.
	Seed   uint64
	Faults Faults // how badly it behaves

	// Action is how a payer comes to the page of an attempt; empty for a redirect. A QR code has its address.
	Action payment.ActionKind

	PublicURL func() string // its own address; the office's setting is this and /api

	// AllowedCallback says whether callbacks may be sent to a URL. Nil allows this machine alone.
	AllowedCallback func(url string) bool

	Now  func() time.Time // nil for the machine's clock; pauses always go by the machine's
	Log  *slog.Logger     // nil for none
	HTTP *http.Client     // sends callbacks; nil for its own. No redirect is followed

	// File keeps what it knows for the next simulator, one at a time. Empty for memory alone.
	File string

	Kept       int           // attempts, and refunds, that it has room for; more are refused with 503. 0 stands for a million
	FirstPause time.Duration // before an event that was not taken is sent again; it doubles. 0 stands for one second
}

// Simulator is the payment provider. Close ends it.
type Simulator struct {
	cashier *cashier
	journal *journal // nil: it keeps nothing
	mux     *http.ServeMux
	log     *slog.Logger
}

// New starts a simulator. Its error says which option cannot be used.
func New(opts Options) (*Simulator, error) {
	if err := opts.complete(); err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	verifier, err := webhook.NewVerifier([]string{opts.Secret}, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	forger, err := newForger(opts.Secret, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	counts, faults := &tally{}, opts.Faults.withDefaults()
	c := &cashier{
		ledger: newLedger(opts.Kept, opts.Now), names: newNames(2 * opts.Kept), dice: dice{opts.Seed}, faults: faults, tally: counts,
		courier: &courier{
			http: newClient(opts.HTTP, opts.AllowedCallback == nil), signer: verifier, forger: forger, dice: dice{opts.Seed},
			faults: faults, tally: counts, firstPause: opts.FirstPause, log: opts.Log, held: map[string]notice{},
		},
	}
	allowed := opts.AllowedCallback
	if allowed == nil {
		allowed = isLoopbackURL
	}
	s := &Simulator{cashier: c, mux: http.NewServeMux(), log: opts.Log}
	pages, err := newPages(c)
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	if err := pages.addRoutes(s.mux); err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	provider := &api{
		cashier: c, verifier: verifier, publicURL: opts.PublicURL, allowedCallback: allowed, action: opts.Action, calls: map[string]int{},
	}
	provider.addRoutes(s.mux)
	if err := s.reopen(opts.File); err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	c.agenda, c.courier.agenda = newAgenda(tasksMax, actSlots), newAgenda(tasksMax, postSlots)
	return s, nil
}

// reopen takes up what an earlier simulator has kept in a file.
func (s *Simulator) reopen(file string) error {
	if file == "" {
		return nil
	}
	j, lines, err := openJournal(file, s.log)
	if err != nil {
		return err
	}
	if err := s.cashier.ledger.reopen(j, lines); err != nil {
		return errors.Join(fmt.Errorf("take up the payments of before; without %s they are forgotten: %w", file, err), j.close())
	}
	s.journal = j
	return nil
}

// complete fills in what is not given, and says what cannot be used.
func (o *Options) complete() error {
	if o.PublicURL == nil {
		return errors.New("no public URL")
	}
	if err := o.Faults.check(); err != nil {
		return err
	}
	if o.Kept < 0 || o.FirstPause < 0 || o.FirstPause > lastPause {
		return fmt.Errorf("room for %d attempts, first pause %v: out of range", o.Kept, o.FirstPause)
	}
	switch o.Action {
	case "":
		o.Action = payment.Redirect
	case payment.Redirect, payment.ShowQR, payment.PostForm:
	default:
		return fmt.Errorf("action %q: not %s, %s or %s", o.Action, payment.Redirect, payment.ShowQR, payment.PostForm)
	}
	if o.Kept == 0 {
		o.Kept = defaultKept
	}
	if o.FirstPause == 0 {
		o.FirstPause = defaultFirstPause
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Handler serves the protocol below /api, the payer's pages, the overview and the books. No answer may be cached.
func (s *Simulator) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		s.mux.ServeHTTP(w, r)
	})
}

// Books returns what has really happened.
func (s *Simulator) Books() Books { return s.cashier.books() }

// Totals returns the summary of the books, which costs no more when they are long.
func (s *Simulator) Totals() Totals { return s.cashier.totals() }

// Close ends all that is still to come: late payments, pending refunds and deliveries. It returns within seconds.
func (s *Simulator) Close() {
	s.cashier.agenda.close(closePatience)
	s.cashier.courier.agenda.close(closePatience)
	if err := s.journal.close(); err != nil {
		s.log.Warn("close the file of payments", "error", err)
	}
}
