package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"boxoffice/common/outage"
)

const userInfoErrorMax = 200 // characters of what the endpoint says

var errOtherSubject = errors.New("it is about another person")

// userInfo is what a provider says of a person at its userinfo endpoint.
type userInfo struct {
	provider     *Provider
	wantsAddress bool
	outage       *outage.Outage
}

func newUserInfo(provider *Provider, scopes []string) *userInfo {
	return &userInfo{
		provider: provider, wantsAddress: slices.Contains(scopes, "email"),
		outage: outage.New(provider.Log, "userinfo of the identity provider", 1),
	}
}

// lacks tells whether an ID token leaves out something that is wanted of a person: a provider may say it at its userinfo
// endpoint alone (OpenID Connect Core, 5.4).
func (u *userInfo) lacks(said *claims) bool {
	named := said.at("name") != nil || said.at("preferred_username") != nil
	return !named || said.at(u.provider.RolesClaim) == nil || u.wantsAddress && said.at("email") == nil
}

// complete adds what the userinfo endpoint says of a person, if the provider has one. Whoever has signed in is known without it:
// when it fails, the name, the roles or the address are missing until the next sign-in, which the log says.
func (u *userInfo) complete(ctx context.Context, said *claims, token *oauth2.Token) {
	discovered := u.provider.discovered.Load()
	if discovered == nil || discovered.provider.UserInfoEndpoint() == "" || token.AccessToken == "" {
		return
	}
	more, err := readUserInfo(ctx, discovered.provider, said.Subject, token)
	u.outage.Observe(err)
	if err == nil {
		said.add(more)
	}
}

func readUserInfo(ctx context.Context, provider *oidc.Provider, subject string, token *oauth2.Token) (*claims, error) {
	answer, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("ask userinfo: %.*s", userInfoErrorMax, err)
	}
	if answer.Subject != subject {
		return nil, fmt.Errorf("ask userinfo: %w", errOtherSubject)
	}
	more := &claims{}
	if err := answer.Claims(more); err != nil {
		return nil, fmt.Errorf("read userinfo: %w", err)
	}
	return more, nil
}

// add takes over what is not said yet. An address and whether it is verified are said together: one of them alone would be about
// another address.
func (c *claims) add(more *claims) {
	if c.role == nil {
		c.role = more.role
	}
	if c.others == nil {
		c.others = map[string]any{}
	}
	_, hasEmail := c.others["email"]
	for name, claim := range more.others {
		_, has := c.others[name]
		if name == "email" || name == "email_verified" {
			has = hasEmail
		}
		if !has {
			c.others[name] = claim
		}
	}
}
