package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/skip2/go-qrcode"
)

const (
	qrPixels = 320 // of the side of a QR code

	qrImagesMax  = 4096            // are kept, some 10 MiB
	qrWaitingMax = 64              // wait for their turn to draw
	qrWait       = 5 * time.Second // for a turn
)

var errDrawingBusy = errors.New("too many codes are being drawn")

// qrImage draws a QR code as a data URL, which a page shows without another request.
func qrImage(text string) (string, error) {
	image, err := qrcode.Encode(text, qrcode.Medium, qrPixels)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(image), nil
}

// qrImages draws the QR codes of tickets, one at a time in the whole process: each takes milliseconds of a core, an order may
// have a hundred of them, and whoever asks for those again and again must not take the cores from those who buy. The same
// text has always the same image, so the latest ones are kept.
type qrImages struct {
	draw    func(text string) (string, error)
	wait    time.Duration
	kept    *lru.Cache[string, string]
	turn    chan struct{} // of size 1: who holds it draws
	waiting atomic.Int32
}

func newQRImages() (*qrImages, error) {
	kept, err := lru.New[string, string](qrImagesMax)
	return &qrImages{draw: qrImage, wait: qrWait, kept: kept, turn: make(chan struct{}, 1)}, err
}

// of returns the image of a text. It fails with errDrawingBusy when too many wait already, or when
// the turn does not come soon.
func (q *qrImages) of(ctx context.Context, text string) (string, error) {
	if image, known := q.kept.Get(text); known {
		return image, nil
	}
	if err := q.takeTurn(ctx); err != nil {
		return "", err
	}
	defer func() { <-q.turn }()
	if image, known := q.kept.Get(text); known { // somebody has drawn it meanwhile
		return image, nil
	}
	image, err := q.draw(text)
	if err == nil {
		q.kept.Add(text, image)
	}
	return image, err
}

func (q *qrImages) takeTurn(ctx context.Context) error {
	defer q.waiting.Add(-1)
	if q.waiting.Add(1) > qrWaitingMax {
		return errDrawingBusy
	}
	patience := time.NewTimer(q.wait)
	defer patience.Stop()
	select {
	case q.turn <- struct{}{}:
		return nil
	case <-patience.C:
		return errDrawingBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}
