package app

import (
	"errors"
	"flag"
	"fmt"
	"io"
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

const (
	roleAPI   = "api"
	roleStock = "stock"
	roleOrder = "order"

	jwtSecretMinBytes = 32

	envJWTSecret     = "BOXOFFICE_JWT_SECRET"
	envWebhookSecret = "BOXOFFICE_WEBHOOK_SECRET"
)

const usageText = `boxoffice runs the office. boxoffice COMMAND, with these flags and its own, does something else:

  archive   move the orders of screenings that are over into files, or -restore one
  backup    copy the databases of an embedded office, which may be running, -to a directory
  broker    run the embedded broker alone; it has flags of its own
  doctor    say what services and queue disagree on; -fix re-drives what was lost
  restore   make the data directory of an embedded office -from a backup
  version   say what this program was built from

Each flag is a setting of the environment too: BOXOFFICE_ and its name in capitals.

`

// Config is everything that can be set, by flag or by environment; a flag wins. Secrets come from the environment only,
// because a command line can be read by every user of the machine.
type Config struct {
	Listen         string // public HTTP
	AdminListen    string // health and metrics
	DataDir        string
	NameServers    []string // empty: the embedded broker
	QueuePrefix    string   // before every topic and group
	BrokerListen   string   // of the embedded broker, as all that follows up to CutDamage
	LogAge         time.Duration
	LogBytes       int64
	CutDamage      bool
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
	Demo           bool // no secret is configured: it makes its own, and everything can be tried
}

// HasRole tells whether this process does the work of role.
func (c Config) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// parseToolConfig is parseConfig for a command that works on an office and serves nobody: without the api role no secret
// is needed.
func parseToolConfig(args []string, getenv func(string) string, usage io.Writer, define func(*flag.FlagSet)) (Config, error) {
	return parseConfig(append(slices.Clone(args), "-roles", roleStock+","+roleOrder), getenv, usage, define)
}

// parseConfig reads args and the environment, fills in the defaults and refuses what cannot work, in one sentence that
// says what to set. A command defines its own flags with more; those have no place in the environment.
func parseConfig(args []string, getenv func(string) string, usage io.Writer, more ...func(*flag.FlagSet)) (Config, error) {
	var c Config
	flags := flag.NewFlagSet("boxoffice", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.Usage = func() {
		_, _ = fmt.Fprint(usage, usageText)
		flags.PrintDefaults()
	}
	namesrv, roles := c.define(flags)
	if err := applyEnvironment(flags, getenv); err != nil {
		return Config{}, err
	}
	for _, define := range more {
		define(flags)
	}
	if err := flags.Parse(args); err != nil {
		return Config{}, err
	}
	if flags.NArg() > 0 {
		return Config{}, fmt.Errorf("unknown argument %q: see boxoffice -help", flags.Arg(0))
	}
	c.NameServers = strings.FieldsFunc(*namesrv, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
	c.JWTSecret = strings.TrimSpace(getenv(envJWTSecret))
	c.WebhookSecrets = strings.Fields(getenv(envWebhookSecret))
	if err := c.setRoles(*roles); err != nil {
		return Config{}, err
	}
	if err := c.complete(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// define makes the flags, each of which has a name in the environment too.
func (c *Config) define(flags *flag.FlagSet) (namesrv, roles *string) {
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:8080", "address of the shop")
	flags.StringVar(&c.AdminListen, "admin-listen", "127.0.0.1:8081", "address of health checks and metrics")
	flags.StringVar(&c.DataDir, "data-dir", "./data", "directory of the embedded broker and SQLite")
	namesrv = flags.String("namesrv", "", "RocketMQ nameservers, host:port separated by ; or , (empty: the embedded broker)")
	flags.StringVar(&c.QueuePrefix, "queue-prefix", "", "put before every topic and group, so that several offices share a cluster")
	flags.StringVar(&c.BrokerListen, "broker-listen", "127.0.0.1:0", "address of the embedded broker")
	flags.DurationVar(&c.LogAge, "log-age", 72*time.Hour, "time that the embedded broker keeps messages; 0 is for ever")
	flags.Int64Var(&c.LogBytes, "log-bytes", 0, "bytes of messages that the embedded broker keeps; 0 is no limit")
	flags.BoolVar(&c.CutDamage, "cut-damage", false, "give up what is damaged in the embedded broker's log and all behind it, for one start")
	flags.StringVar(&c.StockDSN, "stock-dsn", "", "stock database, mysql://user:password@host:port/name (empty: SQLite)")
	flags.StringVar(&c.OrderDSN, "order-dsn", "", "order database, mysql://user:password@host:port/name (empty: SQLite)")
	flags.DurationVar(&c.PayWindow, "pay-window", 15*time.Minute, "time that a buyer has to pay")
	flags.DurationVar(&c.SweepGrace, "sweep-grace", 10*time.Second, "time after the payment window until the sweeper asks for an order")
	roles = flags.String("roles", "all", "work of this process: all, or some of api,stock,order")
	flags.IntVar(&c.MaxBatch, "max-batch", 256, "most purchases in one message; 1 gives one message per order")
	flags.IntVar(&c.BuyerRate, "buyer-rate", 0, "most requests per second of one buyer, bursts of twice that; 0 is no limit")
	flags.IntVar(&c.AddressRate, "address-rate", 0, "most requests per second of one network address, likewise")
	flags.DurationVar(&c.ArchiveAfter, "archive-after", 0, "time after which the orders of a screening that is over go to the archive, at least 168h; 0 is never")
	flags.StringVar(&c.ArchiveDir, "archive-dir", "", "directory of the archive's files (empty: archive in the data directory)")
	flags.TextVar(&c.LogLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	return namesrv, roles
}

// applyEnvironment sets each flag from BOXOFFICE_ and its name in capitals, before the command line does.
func applyEnvironment(flags *flag.FlagSet, getenv func(string) string) error {
	var err error
	flags.VisitAll(func(f *flag.Flag) {
		name := environmentName(f.Name)
		if value := getenv(name); value != "" && err == nil {
			if setErr := f.Value.Set(value); setErr != nil {
				err = fmt.Errorf("set %s to a valid value: %q is not one", name, value)
			}
		}
	})
	return err
}

// checkEnvironment refuses settings of ours that nobody reads: a name with a slip would be ignored without a word, be it
// that of a secret or of a database. Those of the test suite and of scripts/stack are theirs.
func checkEnvironment(environ []string) error {
	known := map[string]bool{envJWTSecret: true, envWebhookSecret: true}
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	new(Config).define(flags)
	flags.VisitAll(func(f *flag.Flag) { known[environmentName(f.Name)] = true })
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		ours := strings.HasPrefix(name, "BOXOFFICE_") && !strings.HasPrefix(name, "BOXOFFICE_TEST_") && !strings.HasPrefix(name, "BOXOFFICE_STACK_")
		if ours && value != "" && !known[name] {
			return fmt.Errorf("set no %s: there is no such setting; boxoffice -help lists all, as flags", name)
		}
	}
	return nil
}

func environmentName(flagName string) string {
	return "BOXOFFICE_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

func (c *Config) setRoles(list string) error {
	if list == "all" {
		c.Roles = []string{roleAPI, roleStock, roleOrder}
		return nil
	}
	for role := range strings.SplitSeq(list, ",") {
		role = strings.TrimSpace(role)
		if !slices.Contains([]string{roleAPI, roleStock, roleOrder}, role) {
			return fmt.Errorf("set BOXOFFICE_ROLES to all, or to some of api,stock,order: %q is not a role", role)
		}
		c.Roles = append(c.Roles, role)
	}
	return nil
}

var errLogOutlives = errors.New("set BOXOFFICE_LOG_AGE to BOXOFFICE_ARCHIVE_AFTER or less, and not to 0: a message that is read again must not name an archived order")

// logOutlives tells whether the embedded broker keeps messages of orders that are archived at this age.
func (c *Config) logOutlives(age time.Duration) bool {
	return len(c.NameServers) == 0 && (c.LogAge == 0 || c.LogAge > age)
}

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
	case c.ArchiveAfter != 0 && c.logOutlives(c.ArchiveAfter):
		return errLogOutlives
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

// completeSecrets treats both secrets alike. Blanks and line breaks around them, which files and consoles add, do not
// count; quotes, and whatever is not to be seen, are a mistake that would fail each signature.
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
		return c.startDemo()
	}
	return c.checkSecrets()
}

func (c *Config) checkSecrets() error {
	if len(c.JWTSecret) < jwtSecretMinBytes {
		return fmt.Errorf("set %s to at least %d bytes", envJWTSecret, jwtSecretMinBytes)
	}
	if len(c.WebhookSecrets) == 0 {
		return errors.New("set BOXOFFICE_WEBHOOK_SECRET to the payment provider's secret, whsec_ and base64")
	}
	for _, secret := range c.WebhookSecrets {
		if err := api.CheckWebhookSecret(secret); err != nil {
			return fmt.Errorf("set BOXOFFICE_WEBHOOK_SECRET to whsec_ and the base64 of 24 to 64 bytes (several, for rotation, with spaces between): one %w", err)
		}
	}
	return nil
}

// startDemo leaves the secrets to be found in the data directory. Whoever reaches a demo can be anybody, so it stays on
// loopback.
func (c *Config) startDemo() error {
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
