package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"boxoffice/api"
	"boxoffice/archive"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

// The roles of a process: which work of the office it does.
const (
	roleAPI   = "api"
	roleStock = "stock"
	roleOrder = "order"
)

// The settings that are no flags, because every user of the machine can read a command line.
const (
	envJWTSecret     = "BOXOFFICE_JWT_SECRET"
	envWebhookSecret = "BOXOFFICE_WEBHOOK_SECRET"
)

const jwtSecretMinBytes = 32

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
	JWTSecret      string
	WebhookSecrets []string
	PayWindow      time.Duration
	SweepGrace     time.Duration
	Roles          []string
	MaxBatch       int
	BuyerRate      int // requests per second; 0 is no limit
	AddressRate    int
	ArchiveAfter   time.Duration // from the end of a screening; 0 is never
	ArchiveDir     string
	LogLevel       slog.Level
	Demo           bool // no secret is configured: the office makes its own, and anybody gets a token
}

// HasRole tells whether this process does the work of role.
func (c Config) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

var errLogAge = errors.New("set BOXOFFICE_LOG_AGE to BOXOFFICE_ARCHIVE_AFTER or less, and not to 0: " +
	"a message that is read again must not name an archived order")

// keepsMessagesLonger tells whether the embedded broker may have messages of orders that are archived at this age.
func (c *Config) keepsMessagesLonger(age time.Duration) bool {
	return len(c.NameServers) == 0 && (c.LogAge == 0 || c.LogAge > age)
}

// complete checks the settings and fills in the defaults that depend on others. An error is one sentence that says what
// to set.
func (c *Config) complete() error {
	switch {
	case c.PayWindow < time.Second:
		return errors.New("set BOXOFFICE_PAY_WINDOW to at least 1s")
	case c.SweepGrace < time.Second:
		return errors.New("set BOXOFFICE_SWEEP_GRACE to at least 1s")
	case mq.CheckPrefix(c.QueuePrefix) != nil:
		return fmt.Errorf("set BOXOFFICE_QUEUE_PREFIX to another one: %w", mq.CheckPrefix(c.QueuePrefix))
	case c.LogAge < 0 || c.LogBytes < 0:
		return errors.New("set BOXOFFICE_LOG_AGE and BOXOFFICE_LOG_BYTES to 0 or more")
	case c.BuyerRate < 0 || c.AddressRate < 0:
		return errors.New("set BOXOFFICE_BUYER_RATE and BOXOFFICE_ADDRESS_RATE to 0 or more")
	case c.ArchiveAfter != 0 && c.ArchiveAfter < archive.AgeMin:
		return fmt.Errorf("set BOXOFFICE_ARCHIVE_AFTER to 0, or to %v or more: until then messages of its orders can be on their way", archive.AgeMin)
	case c.ArchiveAfter != 0 && c.keepsMessagesLonger(c.ArchiveAfter):
		return errLogAge
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

// completeSecrets checks the secrets, or makes this a demo if there are none. Quotes, and characters that are not
// visible, get into a secret by mistake, and every signature would fail.
func (c *Config) completeSecrets() error {
	for name, secrets := range map[string][]string{envJWTSecret: {c.JWTSecret}, envWebhookSecret: c.WebhookSecrets} {
		for _, secret := range secrets {
			if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\'' }) {
				return fmt.Errorf("set %s to visible ASCII characters without quotes or blanks", name)
			}
		}
	}
	if !c.HasRole(roleAPI) {
		return nil
	}
	if c.JWTSecret == "" && len(c.WebhookSecrets) == 0 {
		return c.enableDemo()
	}
	return c.checkSecrets()
}

// checkSecrets checks that both secrets are there and long enough.
func (c *Config) checkSecrets() error {
	if len(c.JWTSecret) < jwtSecretMinBytes {
		return fmt.Errorf("set %s to at least %d bytes", envJWTSecret, jwtSecretMinBytes)
	}
	if len(c.WebhookSecrets) == 0 {
		return errors.New("set BOXOFFICE_WEBHOOK_SECRET to the payment provider's secret, whsec_ and base64")
	}
	for _, secret := range c.WebhookSecrets {
		if err := api.CheckWebhookSecret(secret); err != nil {
			return fmt.Errorf("set BOXOFFICE_WEBHOOK_SECRET to whsec_ and the base64 of 24 to 64 bytes "+
				"(several, for rotation, with spaces between): one %w", err)
		}
	}
	return nil
}

// enableDemo makes this a demo, if it listens on loopback only: whoever reaches a demo can get a token for any name. Its
// secrets are read from the data directory later.
func (c *Config) enableDemo() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("set BOXOFFICE_LISTEN to host:port: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("set BOXOFFICE_JWT_SECRET and BOXOFFICE_WEBHOOK_SECRET: without them the demo runs, and only on a loopback address")
	}
	c.Demo = true
	return nil
}
