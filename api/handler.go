package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/common/tracing"
	"boxoffice/live"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/stock"
)

// Options are what New makes the API of.
type Options struct {
	Stock  Stock
	Seller Seller
	Orders Orders

	Payments Payments
	Archive  RequestArchive
	Identity Identity
	Tickets  Tickets   // nil: paid orders have none, and the routes do not exist
	Live     *live.Hub // nil: the routes of streams do not exist

	Notify         Notify           // nil: nobody is told by mail or SMS, and the routes do not exist
	NotifyChannels []notify.Channel // by which buyers are told

	PublicURL string // at which browsers reach the shop; empty: at its listener, without TLS
	Zone      string // IANA name of the time zone in which pages tell times; empty: that of each browser

	BuyerRate   int // requests per second of one buyer, with bursts of twice that; 0 is no limit
	AddressRate int // the same of one network address, except for payment callbacks; 0 is no limit
	MaxInFlight int // requests handled at once, any more are answered 503 "busy"; 0 is 16384

	Process string // what this process is called in the audit log; may be empty

	Operators *Operators // nil: the operators' routes on orders, troubles and processes do not exist

	Demo    *Demo                 // nil: the /v1/dev routes do not exist
	Metrics prometheus.Registerer // nil: requests are not counted
	Now     func() time.Time      // of the office, which all of its processes share
	Wall    func() time.Time      // of this machine: by it tokens are judged, and the pace of callers is; nil: Now
	Log     *slog.Logger
	Tracer  *tracing.Tracer // nil traces nothing
}

// Demo adds routes for trying the office without an identity provider and a payment provider: tokens for anyone, and a
// payment simulator. Such an office may listen on loopback only.
type Demo struct {
	// CallbackURL returns the address that the simulator calls: this office's own /v1/payments/callback. It is a function
	// because the port is known only after listening.
	CallbackURL func() string
	// Sign signs a callback of this id as the payment provider does.
	Sign func(header http.Header, id string, body []byte)
}

const defaultMaxInFlight = 16384

// handler has what the handlers of all routes share: the options, and what is made of them once.
type handler struct {
	Options
	problems     *problemTable
	cookies      *cookies
	requests     *requestMetrics
	callbacks    *callbackMetrics
	buyerRates   *rateLimits
	addressRates *rateLimits
	inFlight     atomic.Int64 // requests that are being handled
	warnings     warningLimit
	headers      fixedHeaders // of every response
	figures      *paced[stock.Figures]
	money        *paced[order.Money]
	qrImages     *qrImages
}

// newHandler checks the options and makes the parts. An error says which option cannot be used.
func newHandler(opts Options) (*handler, error) {
	if opts.Stock == nil || opts.Seller == nil || opts.Orders == nil || opts.Payments == nil || opts.Identity == nil ||
		opts.Archive == nil || opts.Now == nil || opts.Log == nil {
		return nil, errors.New("api: Stock, Seller, Orders, Payments, Identity, Archive, Now and Log are needed")
	}
	if opts.Wall == nil {
		opts.Wall = opts.Now
	}
	if opts.MaxInFlight <= 0 {
		opts.MaxInFlight = defaultMaxInFlight
	}
	problems, err := newProblemTable()
	if err != nil {
		return nil, fmt.Errorf("encode problems: %w", err)
	}
	requests, err := newRequestMetrics(opts.Metrics)
	if err != nil {
		return nil, fmt.Errorf("register request metrics: %w", err)
	}
	callbacks, err := newCallbackMetrics(opts.Metrics, opts.Payments.Callers())
	if err != nil {
		return nil, fmt.Errorf("register callback metrics: %w", err)
	}
	buyerRates, buyersErr := newRateLimits(opts.BuyerRate)
	addressRates, addressesErr := newRateLimits(opts.AddressRate)
	if err := errors.Join(buyersErr, addressesErr); err != nil {
		return nil, fmt.Errorf("make rate limits: %w", err)
	}
	cookies, err := newCookies(opts.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("make cookies: %w", err)
	}
	h := &handler{
		Options:      opts,
		problems:     problems,
		cookies:      cookies,
		requests:     requests,
		callbacks:    callbacks,
		buyerRates:   buyerRates,
		addressRates: addressRates,
		headers:      answerHeaders(),
	}
	var figuresErr, moneyErr, imagesErr error
	h.figures, figuresErr = newPaced(opts.Stock.Figures)
	h.money, moneyErr = newPaced(moneySum(opts.Stock, opts.Orders))
	h.qrImages, imagesErr = newQRImages()
	return h, errors.Join(figuresErr, moneyErr, imagesErr)
}
