package api

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/identity"
	"boxoffice/order"
)

// A buyer of a hundred tickets asks for their codes again and again, at once by many connections. One code is drawn at a
// time, a few requests wait, the others are told to come back, and what was drawn is not drawn again.
func TestDrawingCodesTakesOneCoreAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		images, err := newQRImages()
		if err != nil {
			t.Fatal(err)
		}
		var drawing, most, drawn atomic.Int32
		images.draw = func(text string) (string, error) {
			most.Store(max(most.Load(), drawing.Add(1)))
			time.Sleep(5 * time.Millisecond)
			drawing.Add(-1)
			drawn.Add(1)
			return "image of " + text, nil
		}
		var refused atomic.Int32
		for i := range 3 * qrWaitingMax {
			go func() {
				text := string(rune('a' + i%8))
				image, err := images.of(t.Context(), text)
				if isBusy(err) {
					refused.Add(1)
				} else if err != nil || image != "image of "+text {
					t.Errorf("%s: %q, %v", text, image, err)
				}
			}()
		}
		time.Sleep(time.Minute)
		if most.Load() != 1 || drawn.Load() != 8 || refused.Load() == 0 || refused.Load() > 2*qrWaitingMax {
			t.Errorf("%d codes drawn, %d at once, %d requests refused", drawn.Load(), most.Load(), refused.Load())
		}
	})
}

// Somebody who waits too long for a turn is told so.
func TestDrawingCodesBoundsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		images, err := newQRImages()
		if err != nil {
			t.Fatal(err)
		}
		images.turn <- struct{}{}
		if _, err := images.of(t.Context(), "text"); !isBusy(err) {
			t.Errorf("%v, want busy", err)
		}
		<-images.turn
		if image, err := images.of(t.Context(), "text"); err != nil || !strings.HasPrefix(image, "data:image/png;base64,") {
			t.Errorf("%.30q, %v", image, err)
		}
	})
}

func isBusy(err error) bool {
	own, ok := errors.AsType[problemError](err)
	return ok && own.kind == busy
}

// The tickets of an order are asked for twice: the second time no code is drawn.
func TestTicketsKeepTheirDrawnCodes(t *testing.T) {
	var drawn atomic.Int32
	var opts Options
	f := newFixture(t, withTickets(t), func(o *Options) {
		o.Identity = newIdentity(t, identity.Options{Now: o.Now})
		opts = *o
	})
	f.findOrder(order.Paid, "")
	h, err := newHandler(opts)
	if err != nil {
		t.Fatal(err)
	}
	if f.handler, err = h.routes(); err != nil {
		t.Fatal(err)
	}
	h.qrImages.draw = func(text string) (string, error) {
		drawn.Add(1)
		return "image of " + text, nil
	}
	for range 2 {
		if found := f.tickets(t, "?qr=true"); found.Items[1].QRImage != "image of "+found.Items[1].Code {
			t.Errorf("tickets %+v", found)
		}
	}
	if drawn.Load() != 2 {
		t.Errorf("%d codes were drawn for two tickets", drawn.Load())
	}
	h.qrImages.turn <- struct{}{}
	f.tickets(t, "?qr=true")
	h.qrImages.kept.Purge()
	h.qrImages.wait = time.Millisecond
	path := "/v1/orders/" + orderID + "/tickets?qr=true"
	w := f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "alice", roleBuyer)})
	wantProblem(t, w, http.StatusServiceUnavailable, "busy")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
