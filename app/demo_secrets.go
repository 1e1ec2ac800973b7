package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/go-json-experiment/json"

	"boxoffice/app/settings"
)

// demoSecrets are the secrets of a demo, for which none are configured. They are in a file of its data directory, so that
// tokens stay valid after a restart, as the orders of their buyers do.
type demoSecrets struct {
	JWT     string `json:"jwt_secret"`
	Webhook string `json:"webhook_secret"`
	Ticket  string `json:"ticket_key"`
}

// openDemoSecrets reads the demo's secrets into the configuration, and makes them at its first start. A data directory that
// has been used with configured secrets is no demo's any more: whose secrets are forgotten at a later start must not find
// that anybody gets a token for anybody's orders.
func (o *office) openDemoSecrets(context.Context) error {
	file := demoSecretsFile(o.config.DataDir)
	if !o.config.Demo {
		return o.endDemo(file)
	}
	secrets, err := readDemoSecrets(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, used := os.Stat(strings.TrimPrefix(o.config.StockDSN, "sqlite:")); used == nil {
			return errors.New("set BOXOFFICE_JWT_SECRET and BOXOFFICE_WEBHOOK_SECRET: the databases in the data directory are those of " +
				"an office with secrets; a demo needs a BOXOFFICE_DATA_DIR of its own")
		}
		if err := writeDemoSecrets(file, newDemoSecrets()); err != nil {
			return fmt.Errorf("set BOXOFFICE_DATA_DIR to a directory that can be written: %w", err)
		}
		secrets, err = readDemoSecrets(file)
	}
	if err != nil {
		return err
	}
	o.config.JWTSecret, o.config.WebhookSecrets = secrets.JWT, []string{secrets.Webhook}
	if err := o.config.CheckSecrets(); err != nil {
		return unusableSecrets(file, err)
	}
	if secrets.Ticket == "" { // of a demo from before there were tickets
		secrets.Ticket = newKey()
		if err := replaceDemoSecrets(file, secrets); err != nil {
			return fmt.Errorf("add a key of tickets to the demo's secrets: %w", err)
		}
	}
	o.config.TicketKeys = []string{secrets.Ticket}
	if err := o.config.CheckTicketKeys(); err != nil {
		return unusableSecrets(file, err)
	}
	return nil
}

// endDemo removes the secrets of a demo, and what its simulator has taken, from the data directory of an office that has its
// own. Other processes of an office on a cluster have no such directory.
func (o *office) endDemo(file string) error {
	if !o.config.HasRole(settings.RoleAPI) {
		return nil
	}
	if _, err := removeIfThere(demoPaymentsFile(o.config.DataDir)); err != nil {
		return fmt.Errorf("remove the payments of a demo, which were none: %w", err)
	}
	removed, err := removeIfThere(file)
	if err != nil {
		return fmt.Errorf("remove the secrets of a demo, which are void: %w", err)
	}
	if removed {
		o.log.Info("this data directory was a demo's, and is no more", "removed", file)
	}
	return nil
}

// removeIfThere looks before it removes: a file system that is read-only, as in a container, refuses to remove even what is not
// there.
func removeIfThere(file string) (removed bool, err error) {
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, nil
}

func demoSecretsFile(dataDir string) string { return filepath.Join(dataDir, "demo-secrets.json") }

func unusableSecrets(file string, err error) error {
	return fmt.Errorf("remove %s, and the demo makes new secrets, which signs everybody out: %w", file, err)
}

func newDemoSecrets() demoSecrets {
	return demoSecrets{JWT: rand.Text() + rand.Text(), Webhook: "whsec_" + newKey(), Ticket: newKey()}
}

// newKey makes the base64 of 32 random bytes.
func newKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	return base64.StdEncoding.EncodeToString(key)
}

func readDemoSecrets(file string) (secrets demoSecrets, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return demoSecrets{}, fmt.Errorf("read the demo's secrets: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return demoSecrets{}, fmt.Errorf("read the demo's secrets: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return demoSecrets{}, fmt.Errorf("set the mode of %s to 0600: whoever can read it can sign tokens", file)
	}
	if err := json.Unmarshal(raw, &secrets); err != nil {
		return demoSecrets{}, unusableSecrets(file, err)
	}
	return secrets, nil
}

// writeDemoSecrets makes the file in one step, by a link to a complete one. If another process was faster, its file stays.
func writeDemoSecrets(file string, secrets demoSecrets) error {
	return withWholeSecrets(file, secrets, func(whole string) error {
		if err := os.Link(whole, file); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

// replaceDemoSecrets writes over the file, in one step.
func replaceDemoSecrets(file string, secrets demoSecrets) error {
	return withWholeSecrets(file, secrets, func(whole string) error { return os.Rename(whole, file) })
}

// withWholeSecrets writes secrets to a file beside file, whose path it passes to publish.
func withWholeSecrets(file string, secrets demoSecrets, publish func(whole string) error) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	raw, err := json.Marshal(secrets)
	if err != nil {
		return err
	}
	whole, err := os.CreateTemp(dir, "demo-secrets-*.tmp") // of mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(whole.Name()) }()
	_, err = whole.Write(append(raw, '\n'))
	if err := errors.Join(err, whole.Sync(), whole.Close()); err != nil {
		return err
	}
	return publish(whole.Name())
}
