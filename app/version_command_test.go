package app

import (
	"bytes"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"
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
	if err := runVersion(t.Context(), invocation{Stdout: &out}); err != nil || !strings.HasPrefix(out.String(), "boxoffice ") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := runVersion(t.Context(), invocation{Args: []string{"-x"}, Stdout: &out}); err == nil {
		t.Error("an argument is taken")
	}
}

// Every command is named by the help, and whatever else is asked for is refused.
func TestHelpNamesEveryCommand(t *testing.T) {
	for name := range commands() {
		if !strings.Contains(usageText, "\n  "+name+" ") {
			t.Errorf("%s is not in the help", name)
		}
	}
	misspelt := invocation{Args: []string{"archvie"}, Getenv: os.Getenv, Now: time.Now, Stdout: io.Discard}
	if err := run(t.Context(), nil, misspelt); err == nil || !strings.Contains(err.Error(), "boxoffice -help") {
		t.Errorf("a misspelt command: %v", err)
	}
}
