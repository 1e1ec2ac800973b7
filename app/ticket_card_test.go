//go:build !race

package app

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/png" // decodes what is saved
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// savedPicture presses the button of a ticket and returns the name and the bytes of the file that the browser is given to save.
func (p page) savedPicture(button string) (name string, picture []byte) {
	p.t.Helper()
	js[bool](p, `(() => {
		window.saved = null;
		const make = URL.createObjectURL;
		URL.createObjectURL = (file) => {
			window.savedFile = file;
			const reader = new FileReader();
			reader.onload = () => { window.saved = {data: reader.result, name: window.savedName}; };
			setTimeout(() => reader.readAsDataURL(file));
			return make(file);
		};
		HTMLAnchorElement.prototype.click = function() { window.savedName = this.download; };
		return true;
	})()`)
	p.pressNamed(".ticket", button)
	p.until("the picture is there", `window.saved !== null`)
	_, text, _ := strings.Cut(js[string](p, `window.saved.data`), "base64,")
	picture, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return js[string](p, `window.saved.name`), picture
}

// Somebody stands at the door, and the phone has no network: the ticket is among the phone's pictures. The card that the page
// gives to save has the ticket's own code, large enough for any reader, and is of the height that its words need.
func TestTicketIsSavedAsAPicture(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 2)
	p := b.open("/")
	p.signIn("alice")
	p.do(chromedp.Navigate(b.shop + "/tickets#" + order.ID))
	p.until("two cards", `document.querySelectorAll(".ticket[data-state=valid] .save").length === 2`)
	cards := map[string][]byte{}
	for language, button := range map[string]string{"en": "Save ticket 2 as a picture", "zh": "\u5c06\u7b2c 2 \u5f20\u5b58\u4e3a\u56fe\u7247"} {
		js[bool](p, `(localStorage.setItem("language", "`+language+`"), location.reload(), true)`)
		p.until("the cards in "+language, `document.documentElement.lang.startsWith("`+language+`") &&
			document.querySelectorAll(".ticket[data-state=valid] .save").length === 2`)
		name, picture := p.savedPicture(button)
		card, format, err := image.Decode(bytes.NewReader(picture))
		if err != nil || format != "png" || !strings.HasSuffix(name, " 2.png") {
			t.Fatalf("%s: %q is %s, %v", language, name, format, err)
		}
		if size := card.Bounds().Size(); size.X != 900 || size.Y < 1200 || size.Y > 1800 {
			t.Errorf("%s: the card is of %v", language, size)
		}
		cards[language] = picture
		if dir := os.Getenv("BOXOFFICE_TEST_SCREENSHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, "ticket-card-"+language+".png"), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		js[bool](p, `(window.code = "", import("/web/jsqr/jsQR.js").then(async () => {
			const card = await createImageBitmap(window.savedFile);
			const canvas = Object.assign(document.createElement("canvas"), {width: card.width, height: card.height});
			canvas.getContext("2d").drawImage(card, 0, 0);
			const {data} = canvas.getContext("2d").getImageData(0, 0, card.width, card.height);
			window.code = window.jsQR(data, card.width, card.height)?.data ?? "none";
		}), true)`)
		p.until("the code is read", `window.code !== ""`)
		if code, want := js[string](p, `window.code`), b.tickets("alice", order.ID)[1].Code; code != want {
			t.Errorf("%s: the card says %q, want the code of ticket 2, %q", language, code, want)
		}
	}
	if bytes.Equal(cards["en"], cards["zh"]) {
		t.Error("the card says the same in both languages")
	}
	if r := b.checkIn("casablanca", b.tickets("alice", order.ID)[1].Code, "k"); r.status != 200 {
		t.Fatalf("check in: %d %s", r.status, r.body)
	}
	p.until("a used ticket is not saved", `[...document.querySelectorAll(".save")].filter((one) => one.getClientRects().length > 0).length === 1`)
}
