package wechat

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"boxoffice/common/httpclient"
)

const answerBytesMax = 64 << 10

// wholeAnswers reads each answer to its end and closes it: the library closes only the answers that are errors.
type wholeAnswers struct {
	next http.RoundTripper
}

// newHTTPClient makes a client from the one that is given, or from nothing.
func newHTTPClient(given *http.Client) *http.Client {
	client := httpclient.New(given, answerBytesMax)
	client.Transport = wholeAnswers{client.Transport}
	return client
}

// RoundTrip sends a request and returns its whole answer.
func (w wholeAnswers) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := w.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	whole := *response
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return &whole, nil
}
