package simulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"boxoffice/common/strictjson"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

const (
	apiPrefix    = "/api"
	bodyBytesMax = 64 << 10
	callsMax     = 1 << 17 // things whose calls are counted
	nameMax      = 200     // bytes of the name of such a thing; longer ones are of nothing that is known
)

// errNoAddress says that the simulator does not know its own address yet.
var errNoAddress = errors.New("no public http or https URL")

// api serves the protocol of the package webhook to the office, with bad weather.
type api struct {
	cashier         *cashier
	verifier        *webhook.Verifier
	publicURL       func() string
	allowedCallback func(url string) bool
	action          payment.ActionKind

	mu    sync.Mutex
	calls map[string]int // by path and name: each call of a thing has a weather of its own
}

// reply is the answer to a call.
type reply struct {
	body         any
	isUnanswered bool   // the connection is dropped instead
	afterwards   func() // is called once the office has its answer
}

func (a *api) addRoutes(mux *http.ServeMux) {
	route(a, mux, webhook.PathPayments, a.cashier.names.attempt, a.start)
	attempt := func(b webhook.AttemptBody) string { return a.cashier.names.of(b.AttemptID) }
	route(a, mux, webhook.PathPaymentsQuery, attempt, func(_ context.Context, b webhook.AttemptBody) (reply, error) {
		return reply{body: a.cashier.status(b.AttemptID, false)}, nil
	})
	route(a, mux, webhook.PathPaymentsClose, attempt, func(_ context.Context, b webhook.AttemptBody) (reply, error) {
		return reply{body: a.cashier.status(b.AttemptID, true)}, nil
	})
	route(a, mux, webhook.PathRefunds, a.cashier.refundName, a.refund)
	refund := func(b webhook.RefundQueryBody) string { return a.cashier.names.of(b.Key) }
	route(a, mux, webhook.PathRefundsQuery, refund, func(_ context.Context, b webhook.RefundQueryBody) (reply, error) {
		answer, err := a.cashier.askRefund(b.Key)
		if errors.Is(err, errUnknown) {
			return reply{body: webhook.RefundStatusBody{State: webhook.StateUnknown}}, nil
		}
		return reply{body: answer}, err
	})
}

func (a *api) start(ctx context.Context, b webhook.StartBody) (reply, error) {
	t, err := readTerms(b, a.allowedCallback)
	if err != nil {
		return reply{}, err
	}
	t.name = a.cashier.names.attempt(b)
	own := strings.TrimSuffix(a.publicURL(), "/")
	if !isWebURL(own) {
		return reply{}, errNoAddress
	}
	afterwards, err := a.cashier.start(ctx, t)
	if err != nil {
		return reply{}, err
	}
	return reply{afterwards: afterwards, body: webhook.StartedBody{
		Reference: "ref_" + t.AttemptID, Action: actionOf(a.action, own, t.AttemptID),
	}}, nil
}

// actionOf is what the payer has to do to come to the page of an attempt.
func actionOf(kind payment.ActionKind, own, attemptID string) payment.Action {
	switch page := own + payPrefix + attemptID; kind {
	case payment.ShowQR:
		return payment.Action{Kind: kind, QR: page}
	case payment.PostForm:
		return payment.Action{Kind: kind, URL: own + checkoutPath, Fields: map[string]string{checkoutField: attemptID}}
	default:
		return payment.Action{Kind: payment.Redirect, URL: page}
	}
}

func (a *api) refund(_ context.Context, b webhook.RefundBody) (reply, error) {
	if err := checkRefund(b); err != nil {
		return reply{}, err
	}
	answer, isUnanswered, err := a.cashier.refund(b)
	return reply{body: answer, isUnanswered: isUnanswered}, err
}

// route serves one call: it checks the signature, acts, and answers, unless the weather is bad. name returns the name of
// the thing that the call is about.
func route[B any](a *api, mux *http.ServeMux, path string, name func(B) string, do func(context.Context, B) (reply, error)) {
	mux.HandleFunc(http.MethodPost+" "+apiPrefix+path, func(w http.ResponseWriter, r *http.Request) {
		var body B
		if !a.read(w, r, &body) {
			return
		}
		weather := a.weatherOf(path, name(body))
		if weather.before.strike(w) {
			return
		}
		done, err := do(r.Context(), body)
		if done.afterwards != nil {
			defer done.afterwards()
		}
		if !wait(r.Context(), weather.slow) {
			dropped.strike(w)
			return
		}
		if weather.after.strike(w) {
			return
		}
		switch {
		case err != nil:
			refuse(w, err)
		case done.isUnanswered:
			dropped.strike(w)
		default:
			answerJSON(w, http.StatusOK, done.body)
		}
	})
}

// read reads a signed body, or answers why it cannot be taken.
func (a *api) read(w http.ResponseWriter, r *http.Request, into any) bool {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyBytesMax))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		answerError(w, http.StatusRequestEntityTooLarge, "the body is too large")
		return false
	}
	if err != nil {
		answerError(w, http.StatusBadRequest, "the body cannot be read")
		return false
	}
	if !a.verifier.Verify(r.Header, raw) {
		answerError(w, http.StatusUnauthorized, "the request is not signed with the secret, or too old")
		return false
	}
	if err := strictjson.UnmarshalKnown(raw, into); err != nil {
		answerError(w, http.StatusBadRequest, strictjson.Describe(err))
		return false
	}
	return true
}

// weather is what happens to a call on its way.
type weather struct {
	before, after trouble
	slow          time.Duration
}

// trouble is a way not to answer.
type trouble int

const (
	none trouble = iota
	unavailable
	dropped
)

// strike spoils an answer, and tells whether it did.
func (t trouble) strike(w http.ResponseWriter) bool {
	switch t {
	case unavailable:
		answerError(w, http.StatusServiceUnavailable, "away")
	case dropped:
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil { // HTTP/2 has no connection of one request
			answerError(w, http.StatusServiceUnavailable, "away")
			return true
		}
		_ = connection.Close()
	}
	return t != none
}

// weatherOf draws the weather of a call.
func (a *api) weatherOf(path, name string) weather {
	if name == "" || len(name) > nameMax {
		return weather{}
	}
	call := path + " " + name
	a.mu.Lock()
	if len(a.calls) >= callsMax {
		clear(a.calls)
	}
	a.calls[call]++
	call += " " + strconv.Itoa(a.calls[call])
	a.mu.Unlock()
	var w weather
	c := a.cashier
	if c.dice.chance(c.faults.SlowAnswer, "slow", call) {
		w.slow = c.dice.pause(c.faults.MaxDelay, "slow", call)
		c.tally.add(func(k *Counts) { k.SlowAnswers++ })
	}
	if c.dice.chance(c.faults.Away, "away", call) {
		draw := c.dice.of("absence", call)
		kind := unavailable + trouble(draw.IntN(2))
		if draw.IntN(2) == 0 {
			w.before = kind
		} else {
			w.after = kind
		}
		c.tally.add(func(k *Counts) { k.Away++ })
	}
	return w
}

// wait waits, and tells whether the caller is still there.
func wait(ctx context.Context, pause time.Duration) bool {
	if pause == 0 {
		return true
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// refuse answers what the ledger has refused. The office repeats what is answered with 503, and gives up the rest.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, errInvalid), errors.Is(err, errSuspended):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, errUnknown):
		status = http.StatusNotFound
	case errors.Is(err, errConflict):
		status = http.StatusConflict
	case errors.Is(err, errFull):
		status = http.StatusServiceUnavailable
	}
	answerError(w, status, err.Error())
}
