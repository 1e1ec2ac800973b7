//go:build !race

package app

import "testing"

// Two operators changed the title, or the capacity, of one screening at the same time: what the first one had saved was replaced
// by what the second one had begun before, without a word to either. The second is told now what is there, and whatever else the
// first one changed stays. Once a ticket is sold, the price stays as it is.
func TestConsoleTellsWhatAnotherOperatorHasChanged(t *testing.T) {
	b := newBrowser(t)
	p := b.console("Olga")
	p.view("#/screenings/casablanca", headingIs("Casablanca"))
	edit := func() { p.pressNamed("#main", "Edit") }
	const save = ".screening-form button[type=submit]"
	says := func(selector, words string) string {
		return `document.querySelector("` + selector + ` .result")?.innerText.includes(` + quoted(words) + `)`
	}
	edit()
	p.fill("#f-movie", "Casablanca again")
	b.operate("PATCH", "/v1/screenings/casablanca", `{"movie":"Casablanca 1942","venue":"Rex II"}`, 200)
	p.press(save)
	p.until("it is told", says(".screening-form", `changed this meanwhile: Title is now "Casablanca 1942"`))
	p.press(save)
	p.until("who insists replaces it, and nothing else", headingIs("Casablanca again")+`
		&& document.querySelector("#main").innerText.includes("Rex II") && document.querySelector(".screening-form") === null`)

	edit()
	p.fill("#f-movie", "Casablanca for ever")
	p.fill("#f-venue", "Odeon")
	b.operate("PATCH", "/v1/screenings/casablanca", `{"movie":"Casablanca 1943","venue":"Rex III"}`, 200)
	p.view("#/orders", headingIs("Orders"))
	p.view("#/screenings/casablanca", headingIs("Casablanca 1943"))
	p.until("what was begun is there", `document.getElementById("f-venue")?.value === "Odeon"`)
	p.press(save)
	p.until("of a draft, too, and of each field", says(".screening-form", `Title is now "Casablanca 1943"`)+` && `+
		says(".screening-form", `Venue is now "Rex III"`))
	p.press(save)
	p.until("then both are replaced", headingIs("Casablanca for ever")+` && document.querySelector(".screening-form") === null`)

	p.pressNamed("#main", "Change capacity")
	p.fill("#ask-capacity", "60")
	b.operate("PATCH", "/v1/screenings/casablanca", `{"capacity":70}`, 200)
	p.press("#ask button[type=submit]")
	p.until("the capacity, too", says("#ask", `Capacity is now "70"`))
	p.confirms("agreed by phone")
	p.until("60 it is", `/Capacity\s*60\b/.test(document.querySelector(".figures-grid").innerText)`)

	b.mustBuy("alice", "casablanca", 1)
	edit()
	p.fill("#f-amount", "48")
	p.press(save)
	p.until("a price that somebody bought at stays", `document.querySelector(".screening-form .result").innerText !== ""`)
}
