package settings

import (
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// ParseTool is Parse for a command that works on an office and serves no HTTP. It sets the roles so that no
// secrets are needed.
func ParseTool(call Invocation, define func(*flag.FlagSet)) (Config, error) {
	call.Args = append([]string{"-roles", RoleStock + "," + RoleOrder}, call.Args...)
	return parse(call, Config{isTool: true}, define)
}

// Parse reads the settings from flags and environment, of which a flag wins, and checks them. A command defines
// flags of its own with more; those are not read from the environment.
func Parse(call Invocation, more ...func(*flag.FlagSet)) (Config, error) {
	return parse(call, Config{}, more...)
}

func parse(call Invocation, c Config, more ...func(*flag.FlagSet)) (Config, error) {
	flags := flag.NewFlagSet("boxoffice", flag.ContinueOnError)
	namesrv, roles := c.define(flags)
	if err := applyEnvironment(flags, call.Getenv); err != nil {
		return Config{}, err
	}
	for _, define := range more {
		define(flags)
	}
	if err := ParseFlags(flags, call, func() { PrintUsage(call, OfficeFlags, more...) }); err != nil {
		return Config{}, err
	}
	c.NameServers = strings.FieldsFunc(*namesrv, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
	secrets, err := ReadSecrets(call.Getenv)
	if err != nil {
		return Config{}, err
	}
	c.JWTSecret, c.WebhookSecrets = secrets[EnvJWTSecret], strings.Fields(secrets[EnvWebhookSecret])
	c.TicketKeys = strings.Fields(secrets[EnvTicketKey])
	c.Providers.readSecrets(secrets)
	c.Identity.ClientSecret = secrets[EnvOIDCClientSecret]
	c.Notify.readSecrets(secrets)
	if c.Traces, err = readTraces(call.Getenv); err != nil {
		return Config{}, err
	}
	if err := c.setRoles(*roles); err != nil {
		return Config{}, err
	}
	if err := c.complete(); err != nil {
		return Config{}, err
	}
	if err := c.completeNotify(); err != nil {
		return Config{}, err
	}
	if err := c.completeTickets(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Defaults is the settings of which nothing is said.
func Defaults() (c Config) {
	c.define(flag.NewFlagSet("", flag.ContinueOnError))
	return c
}

// OfficeFlags defines the flags of the settings, to be printed.
func OfficeFlags(flags *flag.FlagSet) { new(Config).define(flags) }

// define defines the flags of the settings. It returns those that have to be parsed further.
func (c *Config) define(flags *flag.FlagSet) (namesrv, roles *string) {
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:8080", "address of the shop")
	flags.StringVar(&c.AdminListen, "admin-listen", defaultAdminListen, adminListenUsage)
	flags.StringVar(&c.DataDir, "data-dir", "./data", "directory of the embedded broker and SQLite")
	namesrv = flags.String("namesrv", "", "RocketMQ nameservers, host:port separated by ; or , (empty: the embedded broker)")
	flags.StringVar(&c.QueuePrefix, "queue-prefix", "", "put before every topic and group, so that several offices share a cluster")
	flags.StringVar(&c.BrokerListen, "broker-listen", "127.0.0.1:0", "address of the embedded broker")
	flags.DurationVar(&c.LogAge, "log-age", 72*time.Hour, "time that the embedded broker keeps messages; 0 is for ever")
	flags.Int64Var(&c.LogBytes, "log-bytes", 0, "bytes of messages that the embedded broker keeps; 0 is no limit")
	flags.BoolVar(&c.CutDamage, "cut-damage", false, "give up what is damaged in the embedded broker's log and all behind it, for one start")
	flags.StringVar(&c.StockDSN, "stock-dsn", "", "stock database, mysql://user:password@host:port/name (empty: SQLite)")
	flags.StringVar(&c.OrderDSN, "order-dsn", "", "order database, mysql://user:password@host:port/name (empty: SQLite)")
	flags.StringVar(&c.TicketsDSN, "tickets-dsn", "",
		"tickets database, mysql://user:password@host:port/name (empty: SQLite, if the order database is)")
	flags.DurationVar(&c.PayWindow, "pay-window", 15*time.Minute, "time that a buyer has to pay")
	flags.DurationVar(&c.PayLease, "pay-lease", 5*time.Minute, "time that a payment which starts has at least: the deadline moves once for it")
	flags.DurationVar(&c.PayGrace, "pay-grace", 2*time.Minute, "time after the deadline in which a payment provider that is away is asked again")
	flags.DurationVar(&c.ParkedLimit, "parked-limit", 24*time.Hour, "time after which money goes back that has come for no order")
	flags.StringVar(&c.PublicURL, "public-url", "", "URL at which browsers and payment providers reach the shop (empty: its address)")
	flags.StringVar(&c.PaymentURL, "payment-url", "", "URL of the API of a payment provider of your own (empty: it only sends callbacks)")
	c.Providers.define(flags)
	c.Identity.define(flags)
	c.Notify.define(flags)
	flags.DurationVar(&c.SweepGrace, "sweep-grace", 10*time.Second, "time after the payment window until the sweeper asks for an order")
	roles = flags.String("roles", "all", "work of this process: all, or some of api,stock,order,tickets,notify")
	flags.IntVar(&c.MaxBatch, "max-batch", 256, "most purchases in one message; 1 gives one message per order")
	flags.IntVar(&c.BuyerRate, "buyer-rate", 0, "most requests per second of one buyer, bursts of twice that; 0 is no limit")
	flags.IntVar(&c.AddressRate, "address-rate", 0, "most requests per second of one network address, bursts of twice that; 0 is no limit")
	flags.IntVar(&c.MaxStreams, "max-streams", 10_000, "most streams of orders and screenings open at once in this process; 0 is none: pages poll")
	flags.IntVar(&c.AddressStreams, "address-streams", 0, "most open streams of one network address; 0 is no limit")
	flags.DurationVar(&c.ArchiveAfter, "archive-after", 0,
		"time after which the orders of a screening that is over go to the archive by themselves, at least 168h; 0 is never, "+
			"and 720h for the command archive")
	flags.StringVar(&c.ArchiveDir, "archive-dir", "", "directory of the archive's files (empty: archive in the data directory)")
	flags.TextVar(&c.LogFormat, "log-format", LogText, "text or json")
	flags.TextVar(&c.LogLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	return namesrv, roles
}

// CheckEnvironment fails for a variable BOXOFFICE_... that is no setting: a misspelt one would be ignored silently, even
// that of a secret or of a database. Variables of the test suite and of scripts/stack are not checked.
func CheckEnvironment(environ []string) error {
	known := map[string]bool{}
	for _, name := range SecretNames() {
		known[name], known[name+fileSuffix] = true, true
	}
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	new(Config).define(flags)
	flags.VisitAll(func(f *flag.Flag) { known[environmentName(f.Name)] = true })
	for _, name := range secretFlags() {
		known[environmentName(name)+fileSuffix] = true
	}
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		ours := strings.HasPrefix(name, "BOXOFFICE_") && !strings.HasPrefix(name, "BOXOFFICE_TEST_") && !strings.HasPrefix(name, "BOXOFFICE_STACK_")
		if ours && value != "" && !known[name] {
			hint := ""
			if meant := nearest(name, slices.Sorted(maps.Keys(known))); meant != "" {
				hint = ", but " + meant
			}
			return fmt.Errorf("set no %s: there is no such setting%s; boxoffice -help lists all, as flags", name, hint)
		}
	}
	return nil
}

// nearest returns the name that a misspelt one is likely to mean, empty when none is near.
func nearest(name string, known []string) string {
	const part = 5 // of its letters one in so many may be wrong
	best, meant := len(strings.TrimPrefix(name, "BOXOFFICE_"))/part+2, ""
	for _, candidate := range known {
		if d := distance(name, candidate); d < best {
			best, meant = d, candidate
		}
	}
	return meant
}

// distance is how many letters have to be put in, taken out or changed to make one text of another (Levenshtein's).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// setRoles reads the flag -roles.
func (c *Config) setRoles(list string) error {
	all := []string{RoleAPI, RoleStock, RoleOrder, RoleTickets, RoleNotify}
	if list == "all" {
		c.Roles = all
		return nil
	}
	for role := range strings.SplitSeq(list, ",") {
		role = strings.TrimSpace(role)
		if !slices.Contains(all, role) {
			return fmt.Errorf("set BOXOFFICE_ROLES to all, or to some of %s: %q is not a role", strings.Join(all, ","), role)
		}
		c.Roles = append(c.Roles, role)
	}
	return nil
}
