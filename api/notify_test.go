package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"boxoffice/common/audit"
	"boxoffice/identity/identitytest"
	"boxoffice/notify"
)

const deadMail = orderID + "-paid-mail"

// fakeNotify has one mail of alice's, which was given up, and the contacts that it is told.
type fakeNotify struct {
	contacts map[string]notify.Contact
	mail     notify.Notification
	acts     []audit.Recorded
	filter   notify.Filter // of the last list
	err      error
}

func newFakeNotify() *fakeNotify {
	return &fakeNotify{contacts: map[string]notify.Contact{}, mail: notify.Notification{
		ID: deadMail, OrderID: orderID, BuyerID: "alice", Kind: notify.KindPaid, Channel: notify.ChannelMail, To: "alice@example.org",
		State: notify.StateDead, Tries: 15, LastError: "550 no such mailbox", CreatedAt: testNow(),
	}}
}

// withNotify adds mail and SMS.
func withNotify() func(*Options) { return withMail(newFakeNotify()) }

func withMail(f *fakeNotify) func(*Options) {
	return func(o *Options) {
		o.Notify, o.NotifyChannels = f, []notify.Channel{notify.ChannelMail, notify.ChannelSMS}
	}
}

func (f *fakeNotify) ContactOf(_ context.Context, buyerID string) (notify.Contact, error) {
	if c, known := f.contacts[buyerID]; known {
		return c, f.err
	}
	return notify.Contact{}, notify.ErrContactAbsent
}

func (f *fakeNotify) SetContact(_ context.Context, c notify.Contact) error {
	if !strings.Contains(c.Email, "@") {
		return fmt.Errorf("%w: email is no address", notify.ErrContactInvalid)
	}
	f.contacts[c.BuyerID] = c
	return f.err
}

func (f *fakeNotify) DeleteContact(_ context.Context, buyerID string) error {
	delete(f.contacts, buyerID)
	return f.err
}

func (f *fakeNotify) OfOrder(context.Context, string) ([]notify.Notification, error) {
	return []notify.Notification{f.mail}, f.err
}

func (f *fakeNotify) OfBuyer(_ context.Context, buyerID string, _ int) ([]notify.Notification, error) {
	if buyerID != f.mail.BuyerID {
		return nil, f.err
	}
	return []notify.Notification{f.mail}, f.err
}

func (f *fakeNotify) Find(_ context.Context, filter notify.Filter) ([]notify.Notification, string, error) {
	f.filter = filter
	return []notify.Notification{f.mail}, f.mail.ID, f.err
}

func (f *fakeNotify) Message(context.Context, string) (notify.Message, error) {
	return notify.Message{Subject: "Your tickets", Text: "Here they are.", HTML: `<p><img src="cid:ticket-1"></p>`,
		Images: []notify.Image{{ID: "ticket-1", PNG: []byte("png")}}}, f.err
}

func (f *fakeNotify) Retry(_ context.Context, id string, act audit.Act) (notify.Notification, error) {
	f.acts = append(f.acts, audit.Recorded{Act: act, ID: "z", At: testNow(), What: "retry_notification", Subject: id})
	return f.mail, f.err
}

func (f *fakeNotify) Acts(_ context.Context, filter audit.Filter, limit int) ([]audit.Recorded, error) {
	return latestActs(f.acts, filter, limit), f.err
}

// A buyer says where to be told, changes it, and is told nothing any more. Nobody sees another's.
func TestContact(t *testing.T) {
	mails := newFakeNotify()
	f := newFixture(t, withMail(mails))
	alice, bob := tokenFor(t, "alice", roleBuyer), tokenFor(t, "bob", roleBuyer)
	put := func(body string) ask { return ask{method: "PUT", path: "/v1/contact", body: body, token: alice} }
	get := func(token string) string {
		return f.send(t, ask{method: "GET", path: "/v1/contact", token: token}).Body.String()
	}
	const none = `{"email":null,"phone":null,"language":null,"suggested_email":null,"channels":["mail","sms"]}`
	if got := get(alice); got != none {
		t.Errorf("before: %s", got)
	}
	if w := f.send(t, put(`{"email":"alice@example.org","phone":"+8613800138000","language":"zh"}`)); w.Code != http.StatusOK {
		t.Fatalf("set: %d %s", w.Code, w.Body)
	}
	const set = `{"email":"alice@example.org","phone":"+8613800138000","language":"zh","suggested_email":null,"channels":["mail","sms"]}`
	if got := get(alice); got != set {
		t.Errorf("after: %s", got)
	}
	if got := get(bob); got != none {
		t.Errorf("another buyer sees %s", got)
	}
	w := f.send(t, put(`{"email":"nobody","language":"en"}`))
	wantProblem(t, w, http.StatusUnprocessableEntity, "invalid_request")
	if !strings.Contains(w.Body.String(), "email is no address.") {
		t.Errorf("the problem does not say what is wrong: %s", w.Body)
	}
	wantProblem(t, f.send(t, put(`{"email":"a@b.example","language":"en","buyer_id":"bob"}`)), http.StatusBadRequest, "invalid_request")
	if w := f.send(t, ask{method: "DELETE", path: "/v1/contact", token: alice}); w.Code != http.StatusNoContent || get(alice) != none {
		t.Errorf("forgotten: %d, then %s", w.Code, get(alice))
	}
	mails.err = notify.ErrUnavailable
	wantProblem(t, f.send(t, put(`{"email":"a@b.example","language":"en"}`)), http.StatusServiceUnavailable, "unavailable")
}

// What the identity provider says of an address is offered to the buyer only when it has verified it.
func TestVerifiedAddressIsSuggested(t *testing.T) {
	f := newSignInFixture(t, withNotify())
	for said, want := range map[string]string{
		`{"email":"alice@example.org","email_verified":true}`:                 `"suggested_email":"alice@example.org"`,
		`{"email":"alice@example.org","email_verified":false}`:                `"suggested_email":null`,
		`{"email":"alice@example.org","email_verified":"true"}`:               `"suggested_email":null`,
		`{"email":"alice@example.org"}`:                                       `"suggested_email":null`,
		`{"email":"Alice <alice@example.org>","email_verified":true}`:         `"suggested_email":null`,
		`{"email":"a@example.org\r\nBcc: b@b.example","email_verified":true}`: `"suggested_email":null`,
	} {
		var claims map[string]any
		if err := json.Unmarshal([]byte(said), &claims); err != nil {
			t.Fatal(err)
		}
		byCookie := ask{method: "GET", path: "/v1/contact", header: http.Header{
			"Cookie": {"boxoffice_session=" + f.signIn(t, identitytest.Person{Subject: "alice", Said: claims})}}}
		byToken := ask{method: "GET", path: "/v1/contact", token: f.provider.Sign(f.claims("alice", claims))}
		for how, a := range map[string]ask{"cookie": byCookie, "token": byToken} {
			if w := f.send(t, a); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s by %s: %d %s, want %s", said, how, w.Code, w.Body, want)
			}
		}
	}
}

// Operators see what was given up, and have it sent again; that is on record.
func TestOperatorsOfMail(t *testing.T) {
	mails := newFakeNotify()
	f := newFixture(t, withMail(mails))
	boss := tokenFor(t, "boss", roleAdmin)
	list := func(query string) ask {
		return ask{method: "GET", path: "/v1/admin/notifications" + query, token: boss}
	}
	w := f.send(t, list(""))
	if !strings.Contains(w.Body.String(), `"last_error":"550 no such mailbox"`) || mails.filter.State != notify.StateDead {
		t.Errorf("what is dead: %s, asked for %+v", w.Body, mails.filter)
	}
	f.send(t, list("?state=due&cursor=notifications.x&limit=7"))
	if mails.filter != (notify.Filter{State: notify.StateDue, AfterID: "x", Limit: 7}) {
		t.Errorf("asked for %+v", mails.filter)
	}
	wantProblem(t, f.send(t, list("?state=lost")), http.StatusBadRequest, "invalid_request")
	retry := ask{method: "POST", path: "/v1/admin/notifications/" + deadMail + "/retry", body: `{"note":"the mailbox is there now"}`, token: boss}
	if w := f.send(t, retry); w.Code != http.StatusOK {
		t.Errorf("retry: %d %s", w.Code, w.Body)
	}
	w = f.send(t, ask{method: "GET", path: "/v1/admin/acts?subject=" + deadMail, token: boss})
	if !strings.Contains(w.Body.String(), `"act":"retry_notification"`) || !strings.Contains(w.Body.String(), "the mailbox is there now") {
		t.Errorf("acts: %s", w.Body)
	}
	retry.body = `{"note":" "}`
	wantProblem(t, f.send(t, retry), http.StatusUnprocessableEntity, "invalid_request")
	retry.body, mails.err = `{"note":"again"}`, notify.ErrNotDead
	wantProblem(t, f.send(t, retry), http.StatusConflict, "notification_not_dead")
	mails.err = notify.ErrAbsent
	wantProblem(t, f.send(t, retry), http.StatusNotFound, "not_found")
}

// The mailbox is the demo's alone, and shows a mail with its images in it.
func TestMailboxOfTheDemo(t *testing.T) {
	alice := tokenFor(t, "alice", roleBuyer)
	demo, office := newFixture(t, withDemo, withNotify()), newFixture(t, withNotify())
	for _, path := range []string{"/v1/dev/messages", "/v1/dev/messages/" + deadMail, "/mailbox"} {
		if w := demo.send(t, ask{method: "GET", path: path, token: alice}); w.Code != http.StatusOK {
			t.Errorf("demo: %s: %d %s", path, w.Code, w.Body)
		}
		wantProblem(t, office.send(t, ask{method: "GET", path: path, token: alice}), http.StatusNotFound, "not_found")
	}
	w := demo.send(t, ask{method: "GET", path: "/v1/dev/messages/" + deadMail, token: alice})
	if !strings.Contains(w.Body.String(), `data:image/png;base64,cG5n`) || strings.Contains(w.Body.String(), "cid:") {
		t.Errorf("the mail is %s", w.Body)
	}
	wantProblem(t, demo.send(t, ask{method: "GET", path: "/v1/dev/messages/" + deadMail, token: tokenFor(t, "bob", roleBuyer)}),
		http.StatusNotFound, "not_found")
	policy := demo.send(t, ask{method: "GET", path: "/mailbox"}).Header().Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'self'", "frame-src blob:", "object-src 'none'", "require-trusted-types-for 'script'"} {
		if !slices.Contains(strings.Split(policy, "; "), directive) {
			t.Errorf("the mailbox has no %s: %s", directive, policy)
		}
	}
	shop := demo.send(t, ask{method: "GET", path: "/"}).Header().Get("Content-Security-Policy")
	if strings.Contains(policy, "script-src") || strings.Contains(shop, "unsafe") {
		t.Errorf("scripts or other pages are allowed more: %s", policy)
	}
}
