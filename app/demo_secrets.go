package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// demoSecrets are the secrets of a demo, for which none are configured. They are in a file of its data directory, so that
// tokens stay valid after a restart, as the orders of their buyers do.
type demoSecrets struct {
	JWT     string `json:"jwt_secret"`
	Webhook string `json:"webhook_secret"`
}

// openDemoSecrets reads the demo's secrets into the configuration, and makes them at its first start.
func (o *office) openDemoSecrets(context.Context) error {
	if !o.config.Demo {
		return nil
	}
	file := demoSecretsFile(o.config.DataDir)
	secrets, err := readDemoSecrets(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := writeDemoSecrets(file, newDemoSecrets()); err != nil {
			return fmt.Errorf("set BOXOFFICE_DATA_DIR to a directory that can be written: %w", err)
		}
		secrets, err = readDemoSecrets(file)
	}
	if err != nil {
		return err
	}
	o.config.JWTSecret, o.config.WebhookSecrets = secrets.JWT, []string{secrets.Webhook}
	if err := o.config.checkSecrets(); err != nil {
		return unusableSecrets(file, err)
	}
	return nil
}

func demoSecretsFile(dataDir string) string { return filepath.Join(dataDir, "demo-secrets.json") }

func unusableSecrets(file string, err error) error {
	return fmt.Errorf("remove %s, and the demo makes new secrets, which signs everybody out: %w", file, err)
}

func newDemoSecrets() demoSecrets {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	return demoSecrets{JWT: rand.Text() + rand.Text(), Webhook: "whsec_" + base64.StdEncoding.EncodeToString(key)}
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
	if err := os.Link(whole.Name(), file); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
