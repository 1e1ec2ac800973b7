package settings

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// The shortest and the longest life of a sign-in.
const (
	sessionLifeMin = time.Minute
	sessionLifeMax = 7 * 24 * time.Hour
)

// IdentityConfig is the settings of the identity provider.
type IdentityConfig struct {
	Issuer       string // its URL; empty: there is none
	ClientID     string // of the shop; empty: nobody signs in on the page
	ClientSecret string
	Scopes       string // with spaces between
	Audience     string // of bearer tokens; empty: none of the provider's are taken
	Keys         string // URL or file of its JWK Set; empty: as it says itself
	RolesClaim   string
	StaffRole    string
	AdminRole    string
	SessionLife  time.Duration
}

func (c *IdentityConfig) define(flags *flag.FlagSet) {
	flags.StringVar(&c.Issuer, "oidc-issuer", "", "URL of an identity provider (OpenID Connect), which it turns on")
	flags.StringVar(&c.ClientID, "oidc-client-id", "", "id of the shop at the identity provider, which turns on the sign-in on the page")
	flags.StringVar(&c.Scopes, "oidc-scopes", "openid profile", "scopes that the sign-in asks for, with spaces between")
	flags.StringVar(&c.Audience, "oidc-audience", "", "audience of the identity provider's bearer tokens, which turns them on")
	flags.StringVar(&c.Keys, "oidc-jwks", "", "URL or file of the identity provider's keys, a JWK Set (empty: as it says itself)")
	flags.StringVar(&c.RolesClaim, "oidc-roles-claim", "roles",
		"claim of its tokens with the roles of staff and administrators, or the path to it: realm_access.roles")
	flags.StringVar(&c.StaffRole, "oidc-staff-role", "staff", "what stands in that claim for staff")
	flags.StringVar(&c.AdminRole, "oidc-admin-role", "admin", "what stands in that claim for administrators")
	flags.DurationVar(&c.SessionLife, "session-life", 12*time.Hour, "time for which a sign-in on the page is good")
}

// any tells whether something of an identity provider is configured.
func (c *IdentityConfig) any() bool {
	return c.Issuer != "" || c.ClientID != "" || c.ClientSecret != "" || c.Audience != "" || c.Keys != ""
}

// check checks the settings of the identity provider. An error is one sentence that says what to set.
func (c *IdentityConfig) check() error {
	switch {
	case c.SessionLife < sessionLifeMin || c.SessionLife > sessionLifeMax:
		return fmt.Errorf("set BOXOFFICE_SESSION_LIFE to between %v and %v", sessionLifeMin, sessionLifeMax)
	case !c.any():
		return nil
	case c.Issuer == "":
		return errors.New("set BOXOFFICE_OIDC_ISSUER to the identity provider's URL: other settings are about one")
	case !isSafeURL(c.Issuer):
		return errors.New("set BOXOFFICE_OIDC_ISSUER to an https URL: whoever is between could sign in as anybody")
	case c.ClientID == "" && c.ClientSecret != "":
		return fmt.Errorf("set BOXOFFICE_OIDC_CLIENT_ID to the id of the client that has the secret of %s", EnvOIDCClientSecret)
	case c.ClientID == "" && c.Audience == "":
		return errors.New("set BOXOFFICE_OIDC_CLIENT_ID for a sign-in on the page, or BOXOFFICE_OIDC_AUDIENCE for bearer tokens, or both")
	case c.ClientID != "" && c.ClientID == c.Audience:
		return errors.New("set BOXOFFICE_OIDC_AUDIENCE to another value than BOXOFFICE_OIDC_CLIENT_ID: what proves a sign-in on the page " +
			"would be a bearer token of the API")
	case c.ClientID != "" && !slices.Contains(strings.Fields(c.Scopes), "openid"):
		return errors.New("set BOXOFFICE_OIDC_SCOPES to scopes with openid among them")
	case c.RolesClaim == "" || c.StaffRole == "" || c.AdminRole == "" || c.StaffRole == c.AdminRole:
		return errors.New("set BOXOFFICE_OIDC_ROLES_CLAIM to a claim's name, and BOXOFFICE_OIDC_STAFF_ROLE and BOXOFFICE_OIDC_ADMIN_ROLE " +
			"to two values of it")
	}
	return c.checkKeys()
}

// checkKeys checks where the keys of the identity provider are.
func (c *IdentityConfig) checkKeys() error {
	if strings.Contains(c.Keys, "://") {
		if !isSafeURL(c.Keys) {
			return errors.New("set BOXOFFICE_OIDC_JWKS to an https URL, or to a file: whoever is between could sign in as anybody")
		}
		return nil
	}
	if c.Keys != "" {
		if _, err := os.Stat(c.Keys); err != nil {
			return fmt.Errorf("set BOXOFFICE_OIDC_JWKS to a URL, or to a file that can be read: %w", err)
		}
	}
	return nil
}
