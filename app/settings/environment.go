package settings

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// secretFlags lists the flags whose values hold a password, so that their variables, as those of secrets, can name a file.
func secretFlags() []string { return []string{"stock-dsn", "order-dsn", "tickets-dsn", "notify-dsn"} }

// applyEnvironment sets each flag from its variable in the environment, before the command line is parsed.
func applyEnvironment(flags *flag.FlagSet, getenv func(string) string) error {
	var err error
	flags.VisitAll(func(f *flag.Flag) {
		if err == nil {
			err = applyVariable(f, getenv)
		}
	})
	return err
}

// applyVariable sets one flag from its variable, or from the file that its variable with fileSuffix names.
func applyVariable(f *flag.Flag, getenv func(string) string) error {
	name := environmentName(f.Name)
	value := getenv(name)
	if slices.Contains(secretFlags(), f.Name) {
		secret, err := readSecret(name, getenv)
		if err != nil {
			return err
		}
		value = secret
	}
	if value == "" {
		return nil
	}
	if err := f.Value.Set(value); err != nil {
		return fmt.Errorf("set %s to %s: %q is not one", name, kindOf(f), value)
	}
	return nil
}

// environmentName is the variable of a flag: BOXOFFICE_PAY_WINDOW for -pay-window.
func environmentName(flagName string) string {
	return "BOXOFFICE_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}
