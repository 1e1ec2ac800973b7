package stripe

import (
	"net/http"

	stripego "github.com/stripe/stripe-go/v82"

	"boxoffice/common/httpclient"
	"boxoffice/order"
)

const name = "stripe" // of the provider

const officeName = "office" // in the metadata of all that is made: whose it is

// The metadata by which a session, and its payment, is known beside that.
const (
	attemptIDName = "attempt_id"
	orderIDName   = "order_id"
)

// paymentIDMax leaves room for the provider's name, which the office writes before the id.
const paymentIDMax = order.IDMax - len(name+":")

const answerBytesMax = 1 << 20 // of a page of 100 refunds there are some 200 KiB

// api calls Stripe through its own library.
type api struct {
	client  *stripego.Client
	backend stripego.Backend // of the client, for what it has no safe way
	key     string
	office  string // in the metadata of all that is made
}

// newAPI makes a client that shares nothing with other users of the library: it has its own key and connections, tries
// each call once, since the office repeats it, logs nothing, and tells Stripe nothing of how long calls took.
func newAPI(key, url, office string, client *http.Client) *api {
	backends := stripego.NewBackendsWithConfig(&stripego.BackendConfig{
		URL: stripego.String(url), HTTPClient: httpclient.New(client, answerBytesMax), MaxNetworkRetries: stripego.Int64(0),
		LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull}, EnableTelemetry: stripego.Bool(false),
	})
	return &api{
		client: stripego.NewClient(key, stripego.WithBackends(backends)), backend: backends.API, key: key, office: office,
	}
}
