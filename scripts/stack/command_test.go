package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/scripts/stack/internal/settings"
)

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct {
		args string
		want string
	}{
		{"", "usage"},
		{"restart", `no verb "restart"`},
		{"kill", "kill needs the name of a part"},
		{"start", "start needs the name of a part"},
		{"up now", `argument "now" too many`},
		{"up -brokers 0", "-brokers 0 is not between 1 and 4"},
		{"up -brokers 5", "-brokers 5 is not between 1 and 4"},
		{"up -brokers 2 -mode docker", "more need -mode java"},
		{"up -profile pair", `-profile "pair"`},
		{"up -profile cluster -brokers 2", "goes without -brokers"},
		{"up -profile cluster -mode docker", "goes without -brokers"},
		{"freeze", "freeze needs the name of a part"},
		{"up -mode podman", `-mode "podman"`},
		{"up -check-interval 5", `invalid value "5"`},
		{"up -check-interval 0s", "-check-interval 0s"},
		{"up -check-timeout -1s", "-check-timeout -1s"},
		{"up -check-max 0", "-check-max 0"},
		{"up -port-base 80", "-port-base 80"},
		{"up -port-base 65500", "-port-base 65500"},
		{"up -purge", "flag provided but not defined"},
		{"status -brokers 2", "flag provided but not defined"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			_, err := parse(strings.Fields(tc.args), settings.Default(), t.TempDir())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("parse(%q) = %v, want %q in it", tc.args, err, tc.want)
			}
		})
	}
}

func TestParseKeepsWhatIsNotGiven(t *testing.T) {
	base := settings.Settings{
		Mode: settings.ModeJava, Profile: settings.ProfileSingle, Brokers: 2,
		CheckInterval: time.Second, CheckTimeout: 3 * time.Second, CheckMax: 3, PortBase: 30000,
	}
	c, err := parse([]string{"up", "-check-interval", "2s"}, base, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	base.CheckInterval = 2 * time.Second
	if c.settings != base {
		t.Fatalf("settings = %s, want %s", c.settings, base)
	}
}

func TestRunBeforeUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stack")
	getenv := func(string) string { return dir }
	for _, verb := range []string{"status", "env"} {
		var out bytes.Buffer
		err := run(t.Context(), []string{verb}, getenv, &out)
		if err == nil || !strings.Contains(err.Error(), "run up first") || out.Len() > 0 {
			t.Errorf("%s = %v, %q; want an error that says to run up first", verb, err, out.String())
		}
	}
	if err := run(t.Context(), []string{"down"}, getenv, new(bytes.Buffer)); err != nil {
		t.Errorf("down of nothing: %v", err)
	}
}

func TestEnvForTests(t *testing.T) {
	dir := t.TempDir()
	s := settings.Default()
	s.Mode, s.PortBase = settings.ModeJava, 30000
	if err := s.Save(dir); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"env", "-test", "-dir", dir}, func(string) string { return "" }, &out); err != nil {
		t.Fatal(err)
	}
	want := "export BOXOFFICE_TEST_NAMESRV=127.0.0.1:30000\n" +
		"export BOXOFFICE_TEST_MYSQL=mysql://boxoffice:boxoffice@127.0.0.1:30001\n" +
		"export BOXOFFICE_STACK_DIR='" + dir + "'\n"
	if out.String() != want {
		t.Errorf("env -test printed\n%swant\n%s", out.String(), want)
	}
}

func TestRunUnknownPart(t *testing.T) {
	dir := t.TempDir()
	s := settings.Default()
	s.Mode = settings.ModeJava
	if err := s.Save(dir); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), []string{"kill", "broker2", "-dir", dir}, func(string) string { return "" }, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "there are broker, namesrv, db") {
		t.Fatalf("kill broker2 = %v, want the names of the parts", err)
	}
}
