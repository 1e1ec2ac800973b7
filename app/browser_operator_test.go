//go:build !race

package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"boxoffice/identity/identitytest"
)

// signsInAt goes to the console as somebody who has signed in at the identity provider with those roles.
func (b *browserTest) signsInAt(o *officeTest, provider *identitytest.Provider, subject, name string, roles ...string) page {
	b.t.Helper()
	provider.QueueUser(identitytest.Person{Subject: subject, Said: map[string]any{"name": name, "roles": roles}})
	p := b.blank()
	p.do(chromedp.Navigate(o.shop + "/admin"))
	p.pressNamed("#main", "Sign in with your account")
	return p
}

// calls sends a call of the API from within the page, as a script of it would, and tells the status.
func (p page) calls(name, method, path, body string) string {
	p.t.Helper()
	js[bool](p, fmt.Sprintf(`window[%[1]q] = "", fetch(%[2]s, {method: %[3]q, body: %[4]s, headers: {"Content-Type": "application/json"}}).then(
		(answer) => { window[%[1]q] = String(answer.status); }), true`, name, quoted(path), method, quoted(body)))
	p.until(name+" is answered", fmt.Sprintf(`window[%q] !== ""`, name))
	return js[string](p, fmt.Sprintf(`window[%q]`, name))
}

// An operator signs in at the identity provider, and runs the sale by the cookie alone. The session ends in the middle of an
// act: nothing is done, the page says why, and brings the operator back to the same screening, where the act is done.
func TestConsoleByCookie(t *testing.T) {
	b := newBrowser(t)
	provider := identitytest.Run(t, time.Now)
	o := newOfficeWithProvider(t, provider, nil)
	screening := o.addScreening(10, 0)
	p := b.signsInAt(o, provider, "olga-7", "Olga", "admin")
	p.until("the operator is back", headingIs("Screenings")+` && document.getElementById("operator").innerText === "Olga"`)
	p.view("#/screenings/"+screening, headingIs("Casablanca")+` && document.querySelector(".figures-grid") !== null`)
	p.pressNamed("#main", "Pause sale")
	p.confirms("a fire drill")
	p.until("paused", `document.querySelector("#main").dataset.state === "paused"`)
	if kept := js[string](p, `document.cookie + localStorage.getItem("operator-token")`); kept != "null" {
		t.Errorf("scripts have %q", kept)
	}
	var acts []struct{ Act, Actor, Note string }
	recorded := func() int {
		acts = asBoss[struct {
			Items []struct{ Act, Actor, Note string }
		}](o, "GET", "/v1/admin/acts?subject="+screening, "").Items
		return len(acts)
	}
	if recorded() != 2 || acts[0].Act != "screening_pause" || acts[0].Actor == "boss" || acts[0].Note != "a fire drill" {
		t.Errorf("acts %+v", acts)
	}

	p.pressNamed("#main", "Cancel screening")
	p.fill("#ask-note", "the print has burnt")
	p.fill("#ask-typed", "Casablanca")
	o.clock.offset.Add(int64(13 * time.Hour)) // and a session is good for twelve
	p.clicks("#ask button[type=submit]", 40*time.Millisecond)
	p.until("it says that the session has ended",
		`document.querySelector("#main .gate")?.innerText.includes("Your session has ended") && document.getElementById("ask") === null`)
	if !js[bool](p, `document.getElementById("views").hidden && document.getElementById("operator") === null`) {
		t.Error("an operator whose session has ended is still shown as one")
	}
	if recorded() != 2 || o.operated(screening).Cancellation != nil {
		t.Errorf("an expired session has cancelled the screening: %+v", acts)
	}
	provider.FastForward(13 * time.Hour)
	provider.QueueUser(identitytest.Person{Subject: "olga-7", Said: map[string]any{"name": "Olga", "roles": []string{"admin"}}})
	p.pressNamed("#main", "Sign in with your account")
	p.until("back at the screening", headingIs("Casablanca")+` && document.querySelector(".figures-grid") !== null`)
	p.pressNamed("#main", "Cancel screening")
	p.until("the note is kept, and what proves the intent is not",
		`document.getElementById("ask-note").value === "the print has burnt" && document.getElementById("ask-typed").value === ""`)
	p.fill("#ask-typed", "Casablanca")
	p.confirms("the print has burnt")
	p.until("cancelled", `document.querySelector("#main").dataset.state === "cancelled"`)
	if recorded() != 3 || acts[0].Act != "screening_cancel" || acts[0].Note != "the print has burnt" {
		t.Errorf("acts %+v", acts)
	}
	p.press("#sign-out")
	p.until("signed out", `document.querySelector("#main .gate") !== null`)
	if status := p.calls("out", "POST", "/v1/admin/dead-letters/resend", `{"note":"x"}`); status != "401" {
		t.Errorf("signed out, the page still acts: %s", status)
	}
}

// A member of the staff, who checks tickets, follows a link to the console: a clear word and a way out, no data and no buttons,
// and whatever a script of the page would send is refused and changes nothing.
func TestConsoleTellsStaffThatItIsNotForThem(t *testing.T) {
	b := newBrowser(t)
	provider := identitytest.Run(t, time.Now)
	o := newOfficeWithProvider(t, provider, nil)
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.callback("pay", order.ID, 2)
	o.eventuallyStatus("alice", order.ID, "paid")
	p := b.signsInAt(o, provider, "sam-1", "Sam", "staff")
	p.until("a clear word", headingIs("For operators only")+
		` && document.querySelector("#main").innerText.includes("Sam is no operator of this office, and cannot use this page.")`)
	for _, view := range []string{"#/screenings/" + screening, "#/orders", "#/orders/" + order.ID, "#/money", "#/trouble", "#/acts"} {
		p.view(view, headingIs("For operators only")+` && document.querySelectorAll("#main :is(a, button, dl, input)").length === 2 &&
			document.getElementById("views").hidden`)
	}
	for path, body := range map[string]string{
		"/v1/admin/screenings/" + screening + "/cancel": `{"note":"x"}`, "/v1/admin/screenings/" + screening + "/archive": `{"note":"x"}`,
		"/v1/admin/orders/" + order.ID + "/cancel": `{"note":"x"}`, "/v1/admin/dead-letters/resend": `{"note":"x"}`,
		"/v1/admin/findings/fix": `{"kind":"dead_letter","note":"x"}`,
	} {
		if status := p.calls("post", "POST", path, body); status != "403" {
			t.Errorf("staff: POST %s is %s, want 403", path, status)
		}
	}
	if status := p.calls("patch", "PATCH", "/v1/screenings/"+screening, `{"paused":true}`); status != "403" {
		t.Errorf("staff: PATCH is %s, want 403", status)
	}
	if acts := o.actsOn(screening); len(acts) != 1 || o.operated(screening).Sold != 2 || o.order("alice", order.ID).Status != "paid" {
		t.Errorf("staff have changed something: %v", acts)
	}
	p.pressNamed("#main", "Sign out")
	p.until("somebody else may sign in", `document.querySelector("#main .gate") !== null`)
}
