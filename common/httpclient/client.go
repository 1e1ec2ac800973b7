// Package httpclient makes the client with which the office calls others: payment providers, and an identity provider.
package httpclient

import (
	"net/http"
	"time"
)

const (
	idleConns        = 16 // to one provider
	idleTimeout      = 30 * time.Second
	handshakeTimeout = 10 * time.Second
	headersBytesMax  = 64 << 10
)

// New makes the client of a provider's API, from the one that is given or from nothing. To read more of an
// answer than so many bytes is an error, since the providers' libraries read all that comes; and it follows no redirect,
// since a signed request, or one with a key, is for the provider alone. Each call is bounded by its context.
func New(given *http.Client, answerBytesMax int64) *http.Client {
	client := &http.Client{}
	if given != nil {
		*client = *given
	}
	if client.Transport == nil {
		client.Transport = &http.Transport{
			MaxIdleConnsPerHost: idleConns, IdleConnTimeout: idleTimeout, TLSHandshakeTimeout: handshakeTimeout,
			MaxResponseHeaderBytes: headersBytesMax, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		}
	}
	client.Transport = boundedTransport{client.Transport, answerBytesMax}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// boundedTransport makes it an error to read too much of an answer.
type boundedTransport struct {
	next           http.RoundTripper
	answerBytesMax int64
}

// RoundTrip sends one request.
func (t boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, t.answerBytesMax)
	}
	return response, err
}
