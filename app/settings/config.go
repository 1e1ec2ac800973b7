package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"boxoffice/archive"
	"boxoffice/common/mq"
	"boxoffice/payment/webhook"
	"boxoffice/stock"
)

// The roles of a process: which work of the office it does.
const (
	RoleAPI     = "api"
	RoleStock   = "stock"
	RoleOrder   = "order"
	RoleTickets = "tickets"
	RoleNotify  = "notify"
)

// JWTSecretMin is the shortest secret of tokens, in bytes.
const JWTSecretMin = 32

// The longest times for which an order that is being paid can be kept from others.
const (
	payLeaseMax = time.Hour
	payGraceMax = time.Hour
)

const (
	defaultAdminListen = "127.0.0.1:8081"
	adminListenUsage   = "address of health checks and metrics"
)

// Config is every setting of the office.
type Config struct {
	Listen         string // public HTTP
	AdminListen    string // health and metrics
	DataDir        string
	NameServers    []string      // empty: the embedded broker
	QueuePrefix    string        // before every topic and group
	BrokerListen   string        // of the embedded broker
	LogAge         time.Duration // of the embedded broker's log; 0 is for ever
	LogBytes       int64         // of the embedded broker's log; 0 is no limit
	CutDamage      bool          // of the embedded broker's log
	StockDSN       string
	OrderDSN       string
	TicketsDSN     string // empty: paid orders get no tickets
	JWTSecret      string
	WebhookSecrets []string
	TicketKeys     []string // that sign tickets' codes: the first one signs, the others verify
	PayWindow      time.Duration
	PayLease       time.Duration // that a payment which starts has at least
	PayGrace       time.Duration // after the deadline, to ask a payment provider that is away
	ParkedLimit    time.Duration // after which money goes back that waits for an order
	PublicURL      string        // of the shop; empty: the address of its listener
	PaymentURL     string        // of the API of the provider that sends Standard Webhooks; empty: it has none
	SweepGrace     time.Duration
	Roles          []string
	MaxBatch       int
	BuyerRate      int // requests per second; 0 is no limit
	AddressRate    int
	MaxStreams     int           // open at once; 0 is none
	AddressStreams int           // of one network address; 0 is no limit
	ArchiveAfter   time.Duration // from the end of a screening; 0 is never
	ArchiveDir     string
	LogLevel       slog.Level
	LogFormat      LogFormat
	Traces         bool // they are sent, to the collector that the OTEL_ variables name
	Providers      ProviderConfig
	Identity       IdentityConfig
	Notify         NotifyConfig

	isTool bool // a command works on the office: it starts no payments
	Demo   bool // no secret is configured: the office makes its own, and anybody gets a token
}

// HasRole tells whether this process does the work of role.
func (c Config) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// HasNotify tells whether this office tells buyers by mail or SMS what becomes of their orders.
func (c Config) HasNotify() bool { return c.Notify.DSN != "" }

// ErrLogAge says that orders would be archived while the embedded broker still has messages of them.
var ErrLogAge = errors.New("set BOXOFFICE_LOG_AGE to BOXOFFICE_ARCHIVE_AFTER or less, and not to 0: " +
	"a message that is read again must not name an archived order")

// KeepsMessagesLonger tells whether the embedded broker may have messages of orders that are archived at this age.
func (c *Config) KeepsMessagesLonger(age time.Duration) bool {
	return len(c.NameServers) == 0 && (c.LogAge == 0 || c.LogAge > age)
}

// complete checks the settings and fills in the defaults that depend on others. An error is one sentence that says what
// to set.
func (c *Config) complete() error {
	switch {
	case c.PayWindow < time.Second:
		return errors.New("set BOXOFFICE_PAY_WINDOW to at least 1s")
	case c.PayLease < time.Second || c.PayLease > payLeaseMax:
		return fmt.Errorf("set BOXOFFICE_PAY_LEASE to between 1s and %v", payLeaseMax)
	case c.PayGrace < time.Second || c.PayGrace > payGraceMax:
		return fmt.Errorf("set BOXOFFICE_PAY_GRACE to between 1s and %v", payGraceMax)
	case c.ParkedLimit < time.Hour:
		return errors.New("set BOXOFFICE_PARKED_LIMIT to at least 1h: until then an order may still come")
	case !isBaseURL(c.PublicURL):
		return errors.New("set BOXOFFICE_PUBLIC_URL to the shop's http or https URL, without a slash at the end")
	case !isBaseURL(c.PaymentURL):
		return errors.New("set BOXOFFICE_PAYMENT_URL to an http or https URL, without a slash at the end")
	case strings.HasPrefix(c.PaymentURL, "http:") && !isLoopback(c.PaymentURL):
		return errors.New("set BOXOFFICE_PAYMENT_URL to an https URL: whoever is between could say that orders are paid")
	case c.PaymentURL != "" && c.PublicURL == "" && !c.isTool && (!c.HasRole(RoleAPI) || !isLoopback("http://"+c.Listen)):
		return errors.New("set BOXOFFICE_PUBLIC_URL to the address at which the payment provider reaches the shop")
	case c.SweepGrace < time.Second:
		return errors.New("set BOXOFFICE_SWEEP_GRACE to at least 1s")
	case mq.CheckPrefix(c.QueuePrefix) != nil:
		return fmt.Errorf("set BOXOFFICE_QUEUE_PREFIX to another one: %w", mq.CheckPrefix(c.QueuePrefix))
	case c.LogAge < 0 || c.LogBytes < 0:
		return errors.New("set BOXOFFICE_LOG_AGE and BOXOFFICE_LOG_BYTES to 0 or more")
	case c.BuyerRate < 0 || c.AddressRate < 0:
		return errors.New("set BOXOFFICE_BUYER_RATE and BOXOFFICE_ADDRESS_RATE to 0 or more")
	case c.MaxStreams < 0 || c.AddressStreams < 0:
		return errors.New("set BOXOFFICE_MAX_STREAMS and BOXOFFICE_ADDRESS_STREAMS to 0 or more")
	case c.ArchiveAfter != 0 && c.ArchiveAfter < archive.AgeMin:
		return fmt.Errorf("set BOXOFFICE_ARCHIVE_AFTER to 0, or to %v or more: until then messages of its orders can be on their way", archive.AgeMin)
	case c.ArchiveAfter != 0 && c.KeepsMessagesLonger(c.ArchiveAfter):
		return ErrLogAge
	case c.MaxBatch < 1 || c.MaxBatch > stock.ListMax:
		return fmt.Errorf("set BOXOFFICE_MAX_BATCH to between 1 and %d", stock.ListMax)
	}
	if c.StockDSN == "" {
		c.StockDSN = "sqlite:" + filepath.Join(c.DataDir, "stock.db")
	}
	if c.OrderDSN == "" {
		c.OrderDSN = "sqlite:" + filepath.Join(c.DataDir, "order.db")
	}
	if c.ArchiveDir == "" {
		c.ArchiveDir = filepath.Join(c.DataDir, "archive")
	}
	if c.StockDSN == c.OrderDSN {
		return errors.New("set BOXOFFICE_STOCK_DSN and BOXOFFICE_ORDER_DSN to two databases: each service owns its own")
	}
	return c.completeSecrets()
}

// completeSecrets checks the secrets, or makes this a demo if there are none.
func (c *Config) completeSecrets() error {
	for name, secrets := range map[string][]string{
		EnvJWTSecret: {c.JWTSecret}, EnvWebhookSecret: c.WebhookSecrets, EnvTicketKey: c.TicketKeys,
		EnvStripeKey: {c.Providers.StripeKey}, EnvStripeWebhookSecret: c.Providers.StripeWebhookSecrets,
		EnvWechatAPIKey: c.Providers.WechatAPIKeys, EnvOIDCClientSecret: {c.Identity.ClientSecret},
		EnvSMTPURL: {c.Notify.smtpURL}, EnvSMSSecret: {c.Notify.SMSSecret},
	} {
		if err := checkVisible(name, secrets); err != nil {
			return err
		}
	}
	if missing := c.Providers.half(); missing != "" && !c.isTool {
		return fmt.Errorf("set %s as well, or none of the settings of its payment provider", missing)
	}
	if c.Providers.needsPublicURL() && c.PublicURL == "" {
		return errors.New("set BOXOFFICE_PUBLIC_URL to the address at which the payment provider reaches the shop")
	}
	if _, err := c.Providers.Make("any", func(string) string { return "" }, time.Now, time.Now); err != nil {
		return err
	}
	if err := c.Identity.check(); err != nil {
		return err
	}
	if !c.HasRole(RoleAPI) {
		return c.checkPaymentURL()
	}
	if c.Identity.ClientID != "" && c.PublicURL == "" && !isLoopback("http://"+c.Listen) {
		return errors.New("set BOXOFFICE_PUBLIC_URL to the address to which the identity provider sends people back")
	}
	if c.JWTSecret == "" && c.Identity.any() {
		return fmt.Errorf("set %s to at least %d bytes: with an identity provider, too, it signs the sign-ins on the page",
			EnvJWTSecret, JWTSecretMin)
	}
	if c.JWTSecret == "" && len(c.WebhookSecrets) == 0 && len(c.TicketKeys) == 0 && !c.Providers.any() && !c.Notify.sends() {
		return c.enableDemo()
	}
	if err := c.CheckSecrets(); err != nil {
		return err
	}
	return c.checkPaymentURL()
}

// checkPaymentURL checks that there is a secret with which the API of the shop's own payment provider is called, and calls back.
func (c *Config) checkPaymentURL() error {
	if c.PaymentURL != "" && len(c.WebhookSecrets) == 0 && (c.HasRole(RoleAPI) || c.HasRole(RoleOrder)) && !c.isTool {
		return fmt.Errorf("set %s as well, with which the payment provider at BOXOFFICE_PAYMENT_URL is called", EnvWebhookSecret)
	}
	return nil
}

// CheckSecrets checks that both secrets are there and long enough.
func (c *Config) CheckSecrets() error {
	if len(c.JWTSecret) < JWTSecretMin {
		return fmt.Errorf("set %s to at least %d bytes", EnvJWTSecret, JWTSecretMin)
	}
	if len(c.WebhookSecrets) == 0 && !c.Providers.any() {
		return errors.New("set BOXOFFICE_WEBHOOK_SECRET to the payment provider's secret, whsec_ and base64")
	}
	for _, secret := range c.WebhookSecrets {
		if err := webhook.CheckSecret(secret); err != nil {
			return fmt.Errorf("set BOXOFFICE_WEBHOOK_SECRET to whsec_ and the base64 of 24 to 64 bytes "+
				"(several, for rotation, with spaces between): one %w", err)
		}
	}
	return nil
}

// isInDataDir tells whether a DSN is that of a SQLite database in the data directory.
func (c *Config) isInDataDir(dsn string) bool {
	path, isFile := strings.CutPrefix(dsn, "sqlite:")
	return isFile && filepath.Dir(path) == filepath.Clean(c.DataDir)
}

// enableDemo makes this a demo, if it listens on loopback only: whoever reaches a demo can get a token for any name. It has
// a broker and databases of its own, because those that are configured are an office's whose secrets were forgotten. Its
// secrets are read from the data directory later.
func (c *Config) enableDemo() error {
	if len(c.NameServers) > 0 || !c.isInDataDir(c.StockDSN) || !c.isInDataDir(c.OrderDSN) ||
		c.TicketsDSN != "" && !c.isInDataDir(c.TicketsDSN) || c.Notify.DSN != "" && !c.isInDataDir(c.Notify.DSN) {
		return errors.New("set BOXOFFICE_JWT_SECRET and BOXOFFICE_WEBHOOK_SECRET: without them the demo runs, " +
			"and only on its own broker and databases")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("set BOXOFFICE_LISTEN to host:port: %w", err)
	}
	if !isLoopback("http://" + c.Listen) {
		return errors.New("set BOXOFFICE_JWT_SECRET and BOXOFFICE_WEBHOOK_SECRET: without them the demo runs, and only on a loopback address")
	}
	c.Demo = true
	return nil
}
