package api

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
)

// packed returns what gzip makes of a file, once for all who ask for it; nil where that is hardly shorter.
func packed(content []byte) ([]byte, error) {
	var short bytes.Buffer
	w := gzip.NewWriter(&short)
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	const worth = 100 // bytes: what the header costs that says so, and the work of a phone
	if short.Len()+worth > len(content) {
		return nil, nil
	}
	return short.Bytes(), nil
}

// takesGzip tells whether a client can read what gzip has made (RFC 9110, section 12.5.3). One that says nothing of it cannot.
func takesGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				value, _ := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
				return strings.Trim(value, "0.") != "" || value == "" // q=0 refuses it
			}
		}
	}
	return false
}
