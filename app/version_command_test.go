package app

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"boxoffice/app/settings"
)

func TestVersionSaysWhatWasBuilt(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"}}
	if got := versionLine(info); got != "boxoffice v1.2.3, go1.26.0" {
		t.Errorf("%q", got)
	}
	info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}
	if got := versionLine(info); got != "boxoffice v1.2.3, commit abc and changes, go1.26.0" {
		t.Errorf("%q", got)
	}
	var out bytes.Buffer
	if err := runVersion(t.Context(), settings.Invocation{Stdout: &out}); err != nil || !strings.HasPrefix(out.String(), "boxoffice ") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := runVersion(t.Context(), settings.Invocation{Args: []string{"-x"}, Stdout: &out}); err == nil {
		t.Error("an argument is taken")
	}
}

// Every command is named by the help, and whatever else is asked for is refused.
func TestHelpNamesEveryCommand(t *testing.T) {
	var help bytes.Buffer
	for _, args := range [][]string{{"help"}, {"-help"}} {
		help.Reset()
		if err := run(t.Context(), nil, settings.Invocation{Args: args, Getenv: os.Getenv, Now: time.Now, Stdout: &help}); err != nil &&
			!errors.Is(err, flag.ErrHelp) {
			t.Error(err)
		}
		for _, command := range commands() {
			if !strings.Contains(help.String(), "\n  "+command.name+" ") {
				t.Errorf("%s is not in the help of %q", command.name, args)
			}
		}
		for _, name := range settings.SecretNames() {
			if !strings.Contains(help.String(), name) {
				t.Errorf("%s is not in the help of %q", name, args)
			}
		}
	}
	for _, command := range commands() { // each has a help of its own, which begins with what it is for
		help.Reset()
		call := settings.Invocation{Args: []string{command.name, "-help"}, Getenv: os.Getenv, Now: time.Now, Stdout: &help}
		if err := run(t.Context(), nil, call); command.name != "help" && !errors.Is(err, flag.ErrHelp) || help.Len() == 0 {
			t.Errorf("the help of %s: %v, %q", command.name, err, help.String())
		}
	}
	misspelt := settings.Invocation{Args: []string{"archvie"}, Getenv: os.Getenv, Now: time.Now, Stdout: io.Discard}
	if err := run(t.Context(), nil, misspelt); err == nil || !strings.Contains(err.Error(), "boxoffice -help") {
		t.Errorf("a misspelt command: %v", err)
	}
}
