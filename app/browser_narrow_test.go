//go:build !race

package app

import "testing"

// On the narrowest phones, and at a zoom of 400 % elsewhere, the way out stuck out to the right of every English page of whoever
// was signed in: all looks were taken at 360 pixels.
func TestPagesFitTheNarrowestPhone(t *testing.T) {
	b := newBrowser(t)
	b.width = 320
	order := b.payInDemo("alexandra", 1)
	p := b.open("/")
	p.signIn("alexandra")
	for _, language := range []string{"en", "zh"} {
		for path, until := range map[string]string{
			"/": has(".event"), "/orders": has(".order-card"), "/s/casablanca": has(".screening"), "/s/none": has("#main .empty"),
			"/o/" + order.ID: has(".order"), "/mailbox": has("h1"),
		} {
			p.visit(b.shop + path)
			p.until(path+" in "+language, `document.documentElement.lang.startsWith("`+language+`") && `+until)
			p.until("its script has run", languageIsOffered)
			if !p.fits() {
				t.Errorf("%s in %s is %d pixels wide", path, language, js[int](p, `document.documentElement.scrollWidth`))
			}
		}
		p.press("#language")
	}
}
