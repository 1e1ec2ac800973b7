package crash

import (
	"encoding/base64"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The drill's offices sell to nobody else, so their secrets are no secrets.
const jwtSecret = "0123456789abcdef0123456789abcdef"

func webhookSecret() string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(jwtSecret)) }

// token is a bearer token.
func token(user, role string) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "role": role, "exp": time.Now().Add(100 * time.Hour).Unix(),
	}).SignedString([]byte(jwtSecret))
}
