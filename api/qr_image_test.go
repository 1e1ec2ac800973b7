package api

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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
				if errors.Is(err, errDrawingBusy) {
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
		if _, err := images.of(t.Context(), "text"); !errors.Is(err, errDrawingBusy) {
			t.Errorf("%v, want busy", err)
		}
		<-images.turn
		if image, err := images.of(t.Context(), "text"); err != nil || !strings.HasPrefix(image, "data:image/png;base64,") {
			t.Errorf("%.30q, %v", image, err)
		}
	})
}
