package wechat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	answerBytesMax   = 64 << 10
	headersBytesMax  = 64 << 10
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 30 * time.Second
	idleConns        = 16
)

var errLongAnswer = errors.New("the answer is too long")

// boundedTransport reads each answer to its end and no further than answerBytesMax, and closes it: the library reads
// without a limit, and closes only the answers that are errors.
type boundedTransport struct {
	next http.RoundTripper
}

// newHTTPClient makes a client from the one that is given, or from nothing. It follows no redirect, since a signed
// request is for WeChat Pay alone. Each call is bounded by its context.
func newHTTPClient(given *http.Client) *http.Client {
	client := &http.Client{}
	if given != nil {
		*client = *given
	}
	if client.Transport == nil {
		client.Transport = &http.Transport{
			MaxIdleConnsPerHost: idleConns, IdleConnTimeout: idleTimeout, TLSHandshakeTimeout: handshakeTimeout,
			MaxResponseHeaderBytes: headersBytesMax, Proxy: http.ProxyFromEnvironment,
		}
	}
	client.Transport = boundedTransport{client.Transport}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// RoundTrip sends a request and returns its whole answer.
func (b boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if len(body) > answerBytesMax {
		return nil, errLongAnswer
	}
	whole := *response
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return &whole, nil
}
