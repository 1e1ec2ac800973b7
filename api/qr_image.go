package api

import (
	"encoding/base64"
	"fmt"

	"github.com/skip2/go-qrcode"
)

const qrPixels = 320 // of the side of a QR code

// qrImage draws a QR code as a data URL, which a page shows without another request.
func qrImage(text string) (string, error) {
	image, err := qrcode.Encode(text, qrcode.Medium, qrPixels)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(image), nil
}
