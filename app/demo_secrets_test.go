package app

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"boxoffice/app/settings"
)

func demoSecretsIn(t *testing.T, dir string) (settings.Config, error) {
	t.Helper()
	config, err := parse(t, map[string]string{"BOXOFFICE_DATA_DIR": dir})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{config: config}
	err = o.openDemoSecrets(t.Context())
	return o.config, err
}

// A restart of the demo signed everybody out, while their orders were still there.
func TestDemoKeepsItsSecrets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data") // made by whoever comes first
	var first [4]settings.Config
	var wait sync.WaitGroup
	for i := range first {
		wait.Go(func() {
			var err error
			if first[i], err = demoSecretsIn(t, dir); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	again, err := demoSecretsIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range first {
		if c.JWTSecret != again.JWTSecret || c.WebhookSecrets[0] != again.WebhookSecrets[0] {
			t.Errorf("secrets differ between starts of one demo: %+v and %+v", c, again)
		}
	}
	other, err := demoSecretsIn(t, t.TempDir())
	if err != nil || other.JWTSecret == again.JWTSecret || other.WebhookSecrets[0] == again.WebhookSecrets[0] {
		t.Errorf("two demos share secrets: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("left in the data directory: %v, %v", files, err)
	}
}

// A demo from before there were tickets gets a key for them, and keeps what it had.
func TestOldDemoGetsATicketKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "demo-secrets.json")
	const old = `{"jwt_secret":"0123456789abcdef0123456789abcdef","webhook_secret":"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}`
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := demoSecretsIn(t, dir)
	if err != nil || first.JWTSecret != "0123456789abcdef0123456789abcdef" || len(first.TicketKeys) != 1 {
		t.Fatalf("secrets %+v, %v", first, err)
	}
	again, err := demoSecretsIn(t, dir)
	if err != nil || again.TicketKeys[0] != first.TicketKeys[0] || again.WebhookSecrets[0] != first.WebhookSecrets[0] {
		t.Errorf("secrets %+v, then %+v, %v", first, again, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
}

func TestDemoRefusesSecretsThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"empty":         {"", 0o600, "remove "},
		"garbled":       {"{", 0o600, "remove "},
		"null":          {"null", 0o600, "remove "},
		"short":         {`{"jwt_secret":"x","webhook_secret":"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}`, 0o600, "remove "},
		"no callbacks'": {`{"jwt_secret":"0123456789abcdef0123456789abcdef"}`, 0o600, "remove "},
		"no ticket key": {`{"jwt_secret":"0123456789abcdef0123456789abcdef","webhook_secret":` +
			`"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","ticket_key":"x"}`, 0o600, "remove "},
		"read by others": {`{}`, 0o644, "mode of "},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "demo-secrets.json")
		if err := os.WriteFile(file, []byte(test.text), test.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := demoSecretsIn(t, dir); err == nil || !strings.Contains(err.Error(), test.want+file) {
			t.Errorf("%s: %v, want %q and the file", name, err, test.want)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != test.text {
			t.Errorf("%s: the file is now %q, %v", name, text, err)
		}
	}
}
