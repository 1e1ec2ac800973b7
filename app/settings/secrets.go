package settings

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// The settings that are no flags, because every user of the machine can read a command line. Each can also be the name of
// a file that holds it, in the variable with fileSuffix.
const (
	EnvJWTSecret           = "BOXOFFICE_JWT_SECRET"
	EnvWebhookSecret       = "BOXOFFICE_WEBHOOK_SECRET"
	EnvTicketKey           = "BOXOFFICE_TICKET_KEY"
	EnvStripeKey           = "BOXOFFICE_STRIPE_KEY"
	EnvStripeWebhookSecret = "BOXOFFICE_STRIPE_WEBHOOK_SECRET"
	EnvWechatPrivateKey    = "BOXOFFICE_WECHAT_PRIVATE_KEY"
	EnvWechatAPIKey        = "BOXOFFICE_WECHAT_API_KEY"
	EnvWechatPublicKey     = "BOXOFFICE_WECHAT_PUBLIC_KEY"
	EnvAlipayPrivateKey    = "BOXOFFICE_ALIPAY_PRIVATE_KEY"
	EnvAlipayPublicKey     = "BOXOFFICE_ALIPAY_PUBLIC_KEY"
	EnvOIDCClientSecret    = "BOXOFFICE_OIDC_CLIENT_SECRET"
	EnvSMTPURL             = "BOXOFFICE_SMTP_URL" // with a password
	EnvSMSSecret           = "BOXOFFICE_SMS_SECRET"

	fileSuffix = "_FILE"
)

const secretBytesMax = 64 << 10 // of a file: a few PEM texts

// SecretNames lists the variables of all secrets.
func SecretNames() []string {
	return []string{
		EnvJWTSecret, EnvWebhookSecret, EnvTicketKey, EnvStripeKey, EnvStripeWebhookSecret,
		EnvWechatPrivateKey, EnvWechatAPIKey, EnvWechatPublicKey, EnvAlipayPrivateKey, EnvAlipayPublicKey,
		EnvOIDCClientSecret, EnvSMTPURL, EnvSMSSecret,
	}
}

// ReadSecrets reads all secrets, without the line breaks that files and consoles add around them.
func ReadSecrets(getenv func(string) string) (map[string]string, error) {
	secrets := map[string]string{}
	for _, name := range SecretNames() {
		value, err := readSecret(name, getenv)
		if err != nil {
			return nil, err
		}
		secrets[name] = value
	}
	return secrets, nil
}

// readSecret reads a variable, or the file that its variable with fileSuffix names.
func readSecret(name string, getenv func(string) string) (string, error) {
	value, file := getenv(name), getenv(name+fileSuffix)
	switch {
	case value != "" && file != "":
		return "", fmt.Errorf("set either %s or %s, not both", name, name+fileSuffix)
	case file != "":
		text, err := readSecretFile(file)
		if err != nil {
			return "", fmt.Errorf("set %s to a file that can be read: %w", name+fileSuffix, err)
		}
		value = text
	}
	return strings.TrimSpace(value), nil
}

func readSecretFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, secretBytesMax+1))
	if err != nil {
		return "", err
	}
	if len(raw) > secretBytesMax {
		return "", fmt.Errorf("%s has more than %d bytes", path, secretBytesMax)
	}
	return string(raw), nil
}

// checkVisible fails for a secret with quotes, or characters that are not visible: they get into a secret by mistake, and
// every signature would fail. A PEM text is not such a secret.
func checkVisible(name string, secrets []string) error {
	if slices.ContainsFunc(secrets, func(secret string) bool {
		return strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\'' })
	}) {
		return fmt.Errorf("set %s to visible ASCII characters without quotes or blanks", name)
	}
	return nil
}
