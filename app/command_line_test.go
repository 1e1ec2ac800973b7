package app

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"boxoffice/app/settings"
)

// A flag without its value took the next one for it, and a value of a wrong kind got "parse error" below 45 lines of help.
func TestFlagErrorsAreOneSentence(t *testing.T) {
	for want, args := range map[string][]string{
		"flag needs an argument: -to":                                          {"backup", "-to"},
		"flag needs an argument: -from":                                        {"restore", "-from"},
		"flag needs an argument: -archive-after":                               {"archive", "-archive-after"},
		"set -pay-window to a duration such as 90s":                            {"-pay-window", "15"},
		"set -log-bytes to a whole number":                                     {"-log-bytes", "1GB"},
		"set -log-level to debug, info, warn or error":                         {"-log-level", "verbose"},
		"flag provided but not defined: -nonsense: see boxoffice doctor -help": {"doctor", "-nonsense"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), nil, settings.Invocation{Args: args, Getenv: func(string) string { return "" }, Now: time.Now, Stdout: &out})
		if err == nil || errors.Is(err, flag.ErrHelp) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") ||
			out.Len() > 0 {
			t.Errorf("%q: %v and %q, want %q", args, err, out.String(), want)
		}
	}
	if _, err := parse(t, map[string]string{"BOXOFFICE_PAY_WINDOW": "15"}); err == nil || !strings.Contains(err.Error(), "15m") {
		t.Errorf("%v says no example", err)
	}
}

func parse(t *testing.T, env map[string]string, args ...string) (settings.Config, error) {
	t.Helper()
	return settings.Parse(settings.Invocation{Args: args, Getenv: func(name string) string { return env[name] }, Stdout: io.Discard})
}

// A log that had failed was noticed by nobody: the process went on, green, and refused every purchase.
func TestFailedBrokerEndsTheProcess(t *testing.T) {
	failed := make(chan struct{})
	o := &office{brokerFailed: failed}
	close(failed)
	if err := o.wait(t.Context()); !errors.Is(err, errBrokerFailed) {
		t.Errorf("got %v", err)
	}
}
