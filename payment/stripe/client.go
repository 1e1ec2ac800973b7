package stripe

import (
	"net/http"
	"time"

	stripego "github.com/stripe/stripe-go/v82"
)

const name = "stripe" // of the provider

const (
	answerBytesMax = 1 << 20 // of a page of 100 refunds there are some 200 KiB
	idleTimeout    = 30 * time.Second
	idleConns      = 16
)

// api calls Stripe through its own library.
type api struct {
	client  *stripego.Client
	backend stripego.Backend // of the client, for what it has no safe way
	key     string
}

// newAPI makes a client that shares nothing with other users of the library: it has its own key and connections, tries
// each call once, since the office repeats it, logs nothing, and tells Stripe nothing of how long calls took.
func newAPI(key, url string, client *http.Client) *api {
	backends := stripego.NewBackendsWithConfig(&stripego.BackendConfig{
		URL: stripego.String(url), HTTPClient: boundedClient(client), MaxNetworkRetries: stripego.Int64(0),
		LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull}, EnableTelemetry: stripego.Bool(false),
	})
	return &api{client: stripego.NewClient(key, stripego.WithBackends(backends)), backend: backends.API, key: key}
}

// boundedClient returns a client that reads only so much of an answer, and follows no redirect, since a request with
// the key is for Stripe alone. Each call is bounded by its context.
func boundedClient(given *http.Client) *http.Client {
	bounded := &http.Client{}
	if given != nil {
		*bounded = *given
	}
	if bounded.Transport == nil {
		bounded.Transport = &http.Transport{
			MaxIdleConnsPerHost: idleConns, IdleConnTimeout: idleTimeout, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		}
	}
	bounded.Transport = boundedTransport{bounded.Transport}
	bounded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return bounded
}

// boundedTransport makes it an error to read too much of an answer: the library reads all that comes.
type boundedTransport struct{ next http.RoundTripper }

// RoundTrip sends one request.
func (t boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, answerBytesMax)
	}
	return response, err
}
