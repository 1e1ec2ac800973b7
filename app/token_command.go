package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"boxoffice/app/settings"
	"boxoffice/identity"
)

// runToken prints a token, for the first steps of an operator and for scripts: boxoffice token -user NAME -role admin. The
// secret is that of the office, from the environment, or the demo's from its data directory.
func runToken(_ context.Context, call settings.Invocation) error {
	flags := flag.NewFlagSet("boxoffice token", flag.ContinueOnError)
	var user, role, dataDir string
	var life time.Duration
	define := func(flags *flag.FlagSet) {
		flags.StringVar(&user, "user", "", "who it is for: the buyer's or operator's id")
		flags.StringVar(&role, "role", "buyer", "what its bearer may do: buyer, staff or admin")
		flags.DurationVar(&life, "life", time.Hour, "how long it is valid")
		flags.StringVar(&dataDir, "data-dir", "./data", "data directory of a demo, whose secret is used without BOXOFFICE_JWT_SECRET")
	}
	define(flags)
	if err := settings.ParseFlags(flags, call, func() { settings.PrintFlags(call.Stdout, define) }); err != nil {
		return err
	}
	secrets, err := settings.ReadSecrets(call.Getenv)
	if err != nil {
		return err
	}
	secret := secrets[settings.EnvJWTSecret]
	if secret == "" {
		demo, err := readDemoSecrets(demoSecretsFile(dataDir))
		if err != nil {
			return fmt.Errorf("set %s to the office's secret, or -data-dir to the data directory of a demo that has run", settings.EnvJWTSecret)
		}
		secret = demo.JWT
	}
	if len(secret) < settings.JWTSecretMin {
		return fmt.Errorf("set %s to at least %d bytes", settings.EnvJWTSecret, settings.JWTSecretMin)
	}
	if life < time.Second {
		return errors.New("set -life to at least 1s")
	}
	token, err := identity.SignToken([]byte(secret), user, role, call.Now().Add(life))
	switch {
	case errors.Is(err, identity.ErrInvalidSubject):
		return errors.New("set -user to printable ASCII characters, without a space at either end")
	case errors.Is(err, identity.ErrInvalidRole):
		return errors.New("set -role to buyer, staff or admin")
	case err != nil:
		return err
	}
	_, err = fmt.Fprintln(call.Stdout, token)
	return err
}
