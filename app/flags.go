package app

import (
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

const usageText = `boxoffice runs the office. boxoffice COMMAND, with these flags and its own, does something else:

  archive   move the orders of screenings that are over into files, or -restore one
  backup    copy the databases of an embedded office, which may be running, -to a directory
  broker    run the embedded broker alone; it has flags of its own
  doctor    say what services and queue disagree on; -fix sends again what was lost
  restore   make the data directory of an embedded office -from a backup
  version   say what this program was built from

Each flag is a setting of the environment too: BOXOFFICE_ and its name in capitals.

`

// parseToolConfig is parseConfig for a command that works on an office and serves no HTTP. It sets the roles so that no
// secrets are needed.
func parseToolConfig(call invocation, define func(*flag.FlagSet)) (Config, error) {
	call.Args = append(slices.Clone(call.Args), "-roles", roleStock+","+roleOrder)
	return parseConfig(call, define)
}

// parseConfig reads the settings from flags and environment, of which a flag wins, and checks them. A command defines
// flags of its own with more; those are not read from the environment.
func parseConfig(call invocation, more ...func(*flag.FlagSet)) (Config, error) {
	var c Config
	flags := flag.NewFlagSet("boxoffice", flag.ContinueOnError)
	flags.SetOutput(call.Stdout)
	flags.Usage = func() {
		_, _ = fmt.Fprint(call.Stdout, usageText)
		flags.PrintDefaults()
	}
	namesrv, roles := c.define(flags)
	if err := applyEnvironment(flags, call.Getenv); err != nil {
		return Config{}, err
	}
	for _, define := range more {
		define(flags)
	}
	if err := flags.Parse(call.Args); err != nil {
		return Config{}, err
	}
	if flags.NArg() > 0 {
		return Config{}, fmt.Errorf("unknown argument %q: see boxoffice -help", flags.Arg(0))
	}
	c.NameServers = strings.FieldsFunc(*namesrv, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
	// Files and consoles add line breaks around a secret, which do not count.
	c.JWTSecret = strings.TrimSpace(call.Getenv(envJWTSecret))
	c.WebhookSecrets = strings.Fields(call.Getenv(envWebhookSecret))
	if err := c.setRoles(*roles); err != nil {
		return Config{}, err
	}
	if err := c.complete(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// define defines the flags of the settings. It returns those that have to be parsed further.
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
	flags.DurationVar(&c.ArchiveAfter, "archive-after", 0,
		"time after which the orders of a screening that is over go to the archive, at least 168h; 0 is never")
	flags.StringVar(&c.ArchiveDir, "archive-dir", "", "directory of the archive's files (empty: archive in the data directory)")
	flags.TextVar(&c.LogLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	return namesrv, roles
}

// applyEnvironment sets each flag from its variable in the environment, before the command line is parsed.
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

// checkEnvironment fails for a variable BOXOFFICE_... that is no setting: a misspelt one would be ignored silently, even
// that of a secret or of a database. Variables of the test suite and of scripts/stack are not checked.
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

// environmentName is the variable of a flag: BOXOFFICE_PAY_WINDOW for -pay-window.
func environmentName(flagName string) string {
	return "BOXOFFICE_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// setRoles reads the flag -roles.
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
