package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// known returns the keys that are known; none for an office without a provider.
func (p *Provider) known() *keySet {
	if p == nil {
		return nil
	}
	return p.keys.Load()
}

// verify verifies a token by the keys of the provider, and returns those that it was found among. For a key that is not
// known it reads them again, which a few requests wait for, and none longer than its ctx.
func (p *Provider) verify(ctx context.Context, parser *jwt.Parser, text string, said *claims) (*keySet, error) {
	keys := p.keys.Load()
	_, err := parser.ParseWithClaims(text, said, keyIn(keys))
	if !errors.Is(err, errKeyUnknown) {
		return keys, err
	}
	p.readForUnknown(ctx)
	again := p.keys.Load()
	if again == nil {
		return nil, ErrProviderAway
	}
	if again == keys {
		return nil, err
	}
	*said = claims{}
	_, err = parser.ParseWithClaims(text, said, keyIn(again))
	return again, err
}

// keyIn finds the key of a token in a set, if the token is one of those that say who somebody is.
func keyIn(keys *keySet) jwt.Keyfunc {
	return func(token *jwt.Token) (any, error) {
		if err := refuseCritical(token); err != nil {
			return nil, err
		}
		switch kind, _ := token.Header["typ"].(string); strings.TrimPrefix(strings.ToLower(kind), "application/") {
		case "", "jwt", "at+jwt": // and not, say, one that signs a user out
			return keys.find(token)
		default:
			return nil, jwt.ErrTokenUnverifiable
		}
	}
}

// bearer returns the caller of a provider's bearer token.
func (p *Provider) bearer(ctx context.Context, text string) (Caller, *keySet, error) {
	if p == nil || p.Audience == "" {
		return Caller{}, nil, ErrInvalid
	}
	var said claims
	keys, err := p.verify(ctx, p.bearers, text, &said)
	if errors.Is(err, ErrProviderAway) {
		return Caller{}, nil, err
	}
	if err != nil {
		return Caller{}, nil, ErrInvalid
	}
	return said.caller(p.rolesOf(&said)), keys, nil
}

// VerifySignature verifies a token by the keys of the provider, and returns its claims: it makes the provider's keys an
// oidc.KeySet.
func (p *Provider) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	if _, err := p.verify(ctx, p.signatures, token, &claims{}); err != nil {
		return nil, err
	}
	return base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
}

// rolesOf is what the bearer of a provider's token may do: buy, and what its claim of roles says.
func (p *Provider) rolesOf(said *claims) Roles {
	roles := Buyer
	for _, name := range said.texts(p.RolesClaim) {
		switch name {
		case p.StaffRole:
			roles |= Staff
		case p.AdminRole:
			roles |= Admin
		}
	}
	return roles
}
