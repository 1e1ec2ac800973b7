package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"boxoffice/common/outage"
)

const (
	userInfoErrorMax = 200             // characters of what the endpoint says
	userInfoTimeout  = 2 * time.Second // of a sign-in's turn, which others wait for
	userInfoPatience = 3               // sign-ins in a row that it fails before it counts as away
)

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
		outage: outage.New(provider.Log, "userinfo of the identity provider", userInfoPatience),
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
	if discovered == nil || !discovered.hasUserInfo || token.AccessToken == "" {
		return
	}
	asking, cancel := context.WithTimeout(ctx, userInfoTimeout)
	defer cancel()
	answer, err := discovered.provider.UserInfo(asking, oauth2.StaticTokenSource(token))
	if ctx.Err() != nil { // nobody waits for the sign-in any more, which says nothing of the endpoint
		return
	}
	if err != nil {
		u.outage.Observe(fmt.Errorf("ask userinfo: %.*s", userInfoErrorMax, err))
		return
	}
	u.outage.Observe(nil)
	more, err := readUserInfo(answer, said.Subject)
	if err != nil {
		u.provider.Log.WarnContext(ctx, "what userinfo says of a person is not used", "error", err)
		return
	}
	said.add(more, u.provider.RolesClaim)
}

func readUserInfo(answer *oidc.UserInfo, subject string) (*claims, error) {
	if answer.Subject != subject {
		return nil, errOtherSubject
	}
	more := &claims{}
	if err := answer.Claims(more); err != nil {
		return nil, fmt.Errorf("read userinfo: %.*s", userInfoErrorMax, err)
	}
	return more, nil
}

// add takes over what is not said yet. An address and whether it is verified are said together: one of them alone would be about
// another address. The roles may stand within a claim of which the rest is said.
func (c *claims) add(more *claims, rolesClaim string) {
	if c.role == nil {
		c.role = more.role
	}
	if c.others == nil {
		c.others = map[string]any{}
	}
	if roles := more.at(rolesClaim); roles != nil && c.at(rolesClaim) == nil {
		c.others[rolesClaim] = roles
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
