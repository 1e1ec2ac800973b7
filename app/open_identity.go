package app

import (
	"context"
	"fmt"
	"strings"

	"boxoffice/api"
	"boxoffice/app/settings"
	"boxoffice/identity"
)

// openIdentity opens what knows callers, in a process that has any. An identity provider that is away keeps no office from
// starting.
func (o *office) openIdentity(ctx context.Context) error {
	if !o.config.HasRole(settings.RoleAPI) {
		return nil
	}
	options := identity.Options{Secret: []byte(o.config.JWTSecret), SessionLife: o.config.Identity.SessionLife, Now: o.wall}
	if c := o.config.Identity; c.Issuer != "" {
		provider, err := identity.NewProvider(identity.ProviderOptions{
			Issuer: c.Issuer, Keys: c.Keys, SignIn: c.ClientID != "", Audience: c.Audience,
			RolesClaim: c.RolesClaim, StaffRole: c.StaffRole, AdminRole: c.AdminRole,
			Now: o.wall, Log: o.log.With("part", "identity"),
		})
		if err != nil {
			return fmt.Errorf("set BOXOFFICE_OIDC_JWKS to a file of the identity provider's keys: %w", err)
		}
		o.goUntilClose(ctx, provider.Run)
		options.Provider = provider
		if c.ClientID != "" {
			options.SignIn = &identity.SignInOptions{
				ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scopes: strings.Fields(c.Scopes),
				RedirectURL:  func() string { return o.publicURL() + api.SignInCallbackPath },
				SignedOutURL: func() string { return o.publicURL() + api.SignOutCallbackPath },
			}
		}
	}
	known, err := identity.New(options)
	o.identity = known
	return err
}
