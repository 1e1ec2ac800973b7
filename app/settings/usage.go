package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// summary says in one line what a command is for.
type summary struct{ name, text string }

// summaries is the commands of the program, as its help lists them.
func summaries() []summary {
	return []summary{
		{"archive", "move the orders of screenings that are over into files, or -restore one"},
		{"backup", "copy the databases of an embedded office, which may be running, -to a directory"},
		{"broker", "run the embedded broker alone; it has flags of its own"},
		{"doctor", "say what services and queue disagree on; -fix sends again what was lost"},
		{"health", "say whether the office that runs here is ready, or -live whether it answers: exit status 0 or 1"},
		{"help", "print this"},
		{"restore", "make the data directory of an embedded office -from a backup"},
		{"simulator", "play a payment provider that misbehaves, for tests; it has flags of its own"},
		{"token", "print a token for a -user with a -role, signed with BOXOFFICE_JWT_SECRET"},
		{"version", "say what this program was built from"},
	}
}

// PrintUsage prints the help of the program, whose flags office defines, or of a command with the flags that only it has.
func PrintUsage(call Invocation, office func(*flag.FlagSet), own ...func(*flag.FlagSet)) {
	print := func(format string, args ...any) { _, _ = fmt.Fprintf(call.Stdout, format, args...) }
	if call.Command == "" {
		print("boxoffice runs the office. boxoffice COMMAND, with these flags and its own, does something else:\n\n")
		for _, s := range summaries() {
			print("  %-10s%s\n", s.name, s.text)
		}
		print("\nEach flag is a setting of the environment too: BOXOFFICE_PAY_WINDOW for -pay-window. Secrets are in the\n" +
			"environment alone, or in a file that BOXOFFICE_..._FILE names, in which a DSN can be too:\n\n")
		for _, name := range SecretNames() {
			print("  %s\n", name)
		}
		print("\n")
	} else {
		for _, s := range summaries() {
			if s.name == call.Command {
				print("boxoffice %s: %s.\n\n", s.name, s.text)
			}
		}
		PrintFlags(call.Stdout, own...)
		print("\nBesides, it takes the flags of the office, of which it needs those that say where its databases and queue are:\n\n")
	}
	PrintFlags(call.Stdout, office)
}

// PrintFlags prints the flags that these define, with their defaults.
func PrintFlags(out io.Writer, define ...func(*flag.FlagSet)) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(out)
	for _, d := range define {
		d(flags)
	}
	flags.PrintDefaults()
}

// ParseFlags parses a command line. usage prints the help that -help asks for; an error is one sentence.
func ParseFlags(flags *flag.FlagSet, call Invocation, usage func()) error {
	see := "boxoffice -help"
	if call.Command != "" {
		see = "boxoffice " + call.Command + " -help"
	}
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	err := flags.Parse(call.Args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage()
		return err
	case err != nil:
		return fmt.Errorf("%w: see %s", describeFlagError(flags, err), see)
	case flags.NArg() > 0:
		return fmt.Errorf("unknown argument %q: see %s", flags.Arg(0), see)
	}
	return nil
}

// describeFlagError says what kind of value the flag wants that an error is about.
func describeFlagError(flags *flag.FlagSet, err error) error {
	value, rest, found := strings.Cut(strings.TrimPrefix(err.Error(), "invalid value "), " for flag -")
	name, _, _ := strings.Cut(rest, ":")
	if f := flags.Lookup(name); found && f != nil {
		return fmt.Errorf("set -%s to %s: %s is not one", name, kindOf(f), value)
	}
	return err
}

// kindOf names the kind of value that a flag takes, with an example.
func kindOf(f *flag.Flag) string {
	if getter, ok := f.Value.(flag.Getter); ok {
		switch getter.Get().(type) {
		case time.Duration:
			return "a duration such as 90s, 15m or 720h"
		case int, int64:
			return "a whole number"
		case bool:
			return "true or false"
		}
	}
	switch f.Name {
	case "log-level":
		return "debug, info, warn or error"
	case "log-format":
		return "text or json"
	}
	return "a valid value"
}
