package settings

import (
	"flag"
	"fmt"
	"strings"
)

// applyEnvironment sets each flag from its variable in the environment, before the command line is parsed.
func applyEnvironment(flags *flag.FlagSet, getenv func(string) string) error {
	var err error
	flags.VisitAll(func(f *flag.Flag) {
		name := environmentName(f.Name)
		if value := getenv(name); value != "" && err == nil {
			if setErr := f.Value.Set(value); setErr != nil {
				err = fmt.Errorf("set %s to %s: %q is not one", name, kindOf(f), value)
			}
		}
	})
	return err
}

// environmentName is the variable of a flag: BOXOFFICE_PAY_WINDOW for -pay-window.
func environmentName(flagName string) string {
	return "BOXOFFICE_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}
