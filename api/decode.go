package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"boxoffice/common/strictjson"
)

const (
	bodyBytesMax     = 16 << 10
	callbackBytesMax = 64 << 10 // Standard Webhooks recommends less than 20 kB
)

// decodeBody decodes a request's JSON body into dst. It fails for another content type, an unknown field, a field given
// twice or null, and more than one value. Echo's Bind is laxer, and lets a field of the body overwrite a path parameter.
func decodeBody(c echo.Context, dst any) error {
	if err := requireJSON(c.Request().Header); err != nil {
		return err
	}
	raw, err := readBody(c, bodyBytesMax)
	if err != nil {
		return err
	}
	return decodeStrictly(raw, dst)
}

// decodeStrictly decodes one JSON value into dst, and says in the problem what is wrong with it.
func decodeStrictly(raw []byte, dst any) error {
	if err := strictjson.Unmarshal(raw, dst); err != nil {
		return problemError{kind: malformed, detail: strictjson.Describe(err)}
	}
	return nil
}

// requireJSON fails unless the body is plain JSON: not compressed, and in UTF-8.
func requireJSON(header http.Header) error {
	if encoding := header.Get(echo.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return problemError{kind: unsupportedMediaType}
	}
	content := header.Get(echo.HeaderContentType)
	if content == echo.MIMEApplicationJSON {
		return nil
	}
	media, params, err := mime.ParseMediaType(content)
	if err != nil || media != echo.MIMEApplicationJSON {
		return problemError{kind: unsupportedMediaType}
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return problemError{kind: unsupportedMediaType}
	}
	return nil
}

// readBody reads a body of at most bytesMax as it was sent, which is what a signature is made over.
func readBody(c echo.Context, bytesMax int64) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > bytesMax {
		return nil, &http.MaxBytesError{Limit: bytesMax}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, bytesMax))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w: %w", problemError{kind: malformed, detail: "The body ended before it was complete."}, errCutOff, err)
	}
	return raw, nil
}
