package identity

import (
	"net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"boxoffice/common/idform"
)

const (
	timeClaimMax  = 253402300799 // the last second of the year 9999
	nameRunesMax  = 64
	emailBytesMax = 254
	claimDepthMax = 8 // of the path to the claim of roles
)

// claims is what a token says of its bearer: the registered claims of RFC 7519, and those of the office or of an identity
// provider, of which each reads its own.
type claims struct {
	jwt.RegisteredClaims
	nonce  string // of an ID token: that of the sign-in which it ends
	role   any    // of the office's own tokens: the name of one
	others map[string]any
}

// UnmarshalJSON decodes claims more strictly than the token library does: exact names, each at most once at every depth, and
// no time before 1970 or after 9999, with which the library's arithmetic overflows.
func (c *claims) UnmarshalJSON(raw []byte) error {
	var form struct {
		Issuer    string         `json:"iss"`
		Subject   string         `json:"sub"`
		Audience  jsontext.Value `json:"aud"`
		ExpiresAt *float64       `json:"exp"`
		NotBefore *float64       `json:"nbf"`
		IssuedAt  *float64       `json:"iat"`
		Nonce     string         `json:"nonce"`
		Role      any            `json:"role"`
		Others    map[string]any `json:",embed"`
	}
	if err := json.Unmarshal(raw, &form); err != nil {
		return err
	}
	c.Issuer, c.Subject, c.nonce, c.role, c.others = form.Issuer, form.Subject, form.Nonce, form.Role, form.Others
	if len(form.Audience) > 0 {
		if err := c.Audience.UnmarshalJSON(form.Audience); err != nil {
			return err
		}
	}
	for _, claim := range []struct {
		given *float64
		into  **jwt.NumericDate
	}{{form.ExpiresAt, &c.ExpiresAt}, {form.NotBefore, &c.NotBefore}, {form.IssuedAt, &c.IssuedAt}} {
		if claim.given == nil {
			continue
		}
		if *claim.given < 0 || *claim.given > timeClaimMax {
			return jwt.ErrTokenInvalidClaims
		}
		*claim.into = jwt.NewNumericDate(time.UnixMilli(int64(*claim.given * 1000)))
	}
	return nil
}

// Validate checks what every token must say; the parser calls it after it has checked the registered claims.
func (c *claims) Validate() error {
	if !idform.IsUserID(c.Subject) {
		return jwt.ErrTokenInvalidSubject
	}
	return nil
}

// caller is the bearer, with these roles.
func (c *claims) caller(roles Roles) Caller {
	who := Caller{Subject: c.Subject, Name: c.Subject, Roles: roles, ExpiresAt: c.ExpiresAt.Time}
	for _, claim := range []string{"preferred_username", "name"} {
		said, _ := c.others[claim].(string)
		if name := shownName(said); name != "" {
			who.Name = name
		}
	}
	if verified, _ := c.others["email_verified"].(bool); verified {
		who.Email = plainAddress(c.others["email"])
	}
	if who.Name == who.Subject && who.Email != "" {
		who.Name = shownName(who.Email)
	}
	return who
}

// plainAddress is a claim that is one address of mail and nothing else, or "".
func plainAddress(claim any) string {
	said, _ := claim.(string)
	address, err := mail.ParseAddress(said)
	if err != nil || address.Address != said || len(said) > emailBytesMax ||
		strings.ContainsFunc(said, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return said
}

// shownName is a name as it can be shown to people: what is visible of it, and not too much.
func shownName(name string) string {
	visible := strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name))
	if runes := []rune(visible); len(runes) > nameRunesMax {
		return string(runes[:nameRunesMax])
	}
	return visible
}

// texts returns the texts of a claim: an array of them, or one with spaces between. The claim has exactly this name, or it is
// reached by a path with dots, such as realm_access.roles. What is neither text nor array has none.
func (c *claims) texts(path string) (texts []string) {
	switch claim := c.at(path).(type) {
	case string:
		return strings.Fields(claim)
	case []any:
		for _, item := range claim {
			if text, ok := item.(string); ok {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// at returns the claim of this name or at this path, or nil.
func (c *claims) at(path string) any {
	if path == "role" {
		return c.role
	}
	if claim, found := c.others[path]; found {
		return claim
	}
	return follow(c.others, strings.SplitN(path, ".", claimDepthMax))
}

// follow returns the claim at a path of names, or nil.
func follow(object map[string]any, path []string) any {
	claim := object[path[0]]
	if len(path) == 1 {
		return claim
	}
	inside, _ := claim.(map[string]any)
	return follow(inside, path[1:])
}
