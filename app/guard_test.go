//go:build !race

package app

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/app/settings"
)

// An office was started once without its secrets, whose file was lost: on its own data it became a demo, in which anybody
// got a token of an administrator, and paid anybody's order for nothing.
func TestForgottenSecretsDoNotMakeADemo(t *testing.T) {
	t.Parallel()
	o := newEmbedded(t, t.TempDir())
	if err := writeDemoSecrets(demoSecretsFile(o.dir), newDemoSecrets()); err != nil { // it had been a demo before
		t.Fatal(err)
	}
	o.start()
	o.stop()
	delete(o.env, settings.EnvJWTSecret)
	delete(o.env, settings.EnvWebhookSecret)
	err := runServe(t.Context(), o.call(io.Discard))
	if err == nil || !strings.Contains(err.Error(), settings.EnvJWTSecret) {
		t.Errorf("started with %v, want that secrets are needed", err)
	}
	for name, args := range map[string][]string{
		"a cluster's queue": {"-namesrv", "127.0.0.1:9876"},
		"a database":        {"-stock-dsn", "mysql://u:p@127.0.0.1:3306/stock"},
		"another file":      {"-order-dsn", "sqlite:/elsewhere/order.db"},
	} {
		if _, err := parse(t, nil, args...); err == nil || !strings.Contains(err.Error(), settings.EnvJWTSecret) {
			t.Errorf("a demo on %s: %v", name, err)
		}
	}
}

// The first token of an operator was to be made by hand.
func TestTokenCommand(t *testing.T) {
	o := newOffice(t)
	var out bytes.Buffer
	call := o.call(&out, "token", "-user", "me", "-role", "admin")
	if err := run(t.Context(), nil, call); err != nil {
		t.Fatal(err)
	}
	if r := o.must("GET", "/v1/admin/ledger", strings.TrimSpace(out.String()), ""); r.status != http.StatusOK {
		t.Errorf("the token is answered %d %s", r.status, r.body)
	}
	demo := t.TempDir()
	if err := writeDemoSecrets(demoSecretsFile(demo), newDemoSecrets()); err != nil {
		t.Fatal(err)
	}
	nothing := func(string) string { return "" }
	for want, args := range map[string][]string{
		"":                    {"-user", "me", "-data-dir", demo},
		"-user":               {"-user", " me", "-data-dir", demo},
		"-role":               {"-user", "me", "-role", "root", "-data-dir", demo},
		"-life":               {"-user", "me", "-life", "0", "-data-dir", demo},
		settings.EnvJWTSecret: {"-user", "me", "-data-dir", filepath.Join(demo, "none")},
		"token -help":         {"me"},
	} {
		err := runToken(t.Context(), settings.Invocation{Command: "token", Args: args, Getenv: nothing, Now: time.Now, Stdout: io.Discard})
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}

// The commonest mistake is to start an office that runs already.
func TestSecondOfficeInADirectoryIsToldSo(t *testing.T) {
	t.Parallel()
	o := newEmbedded(t, t.TempDir())
	o.start()
	err := runServe(t.Context(), o.call(io.Discard))
	if err == nil || !strings.Contains(err.Error(), "an office runs in "+o.dir+" already") {
		t.Errorf("a second office: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.env["BOXOFFICE_DATA_DIR"] = file
	if err := runServe(t.Context(), o.call(io.Discard)); err == nil || !strings.Contains(err.Error(), "BOXOFFICE_DATA_DIR") {
		t.Errorf("a data directory that is a file: %v", err)
	}
}

// An office that had ended because its disk failed did not come back on a full one: it could not note its broker's address.
func TestOfficeStartsThoughItsBrokersAddressCannotBeNoted(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no file that is always full:", err)
	}
	o := newEmbedded(t, t.TempDir())
	o.start()
	o.stop()
	if err := writeNameServer(o.dir, "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	fill := func() {
		if err := os.Symlink("/dev/full", nameServerFile(o.dir)+".tmp"); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	o.start()
	o.stop()
	if left, err := readNameServer(o.dir); err == nil {
		t.Errorf("the note leads to %s still, where somebody else may listen", left)
	}
	if err := writeNameServer(o.dir, "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	fill()
	if err := writeNameServer(o.dir, "127.0.0.1:1"); err != nil {
		t.Errorf("an address that is noted already: %v", err)
	}
}

// newEmbedded is an office that brings its broker, in a directory of its own.
func newEmbedded(t *testing.T, dir string) *officeTest {
	t.Helper()
	h := home{dir: dir, stockDSN: "sqlite:" + filepath.Join(dir, "stock.db"), orderDSN: "sqlite:" + filepath.Join(dir, "order.db")}
	return &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
}
