package crash

import (
	"encoding/base64"
	"time"

	"boxoffice/identity"
)

// The drill's offices sell to nobody else, so their secrets are no secrets.
const jwtSecret = "0123456789abcdef0123456789abcdef"

func webhookSecret() string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(jwtSecret)) }

// token is a bearer token.
func token(user, role string) (string, error) {
	return identity.SignToken([]byte(jwtSecret), user, role, time.Now().Add(100*time.Hour))
}
