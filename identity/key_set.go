package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

const (
	keysMax    = 64 // of a provider; each token without the id of its key is tried with all of them
	rsaBitsMin = 2048
	rsaBitsMax = 8192 // a larger one would cost milliseconds for each token
)

// providerAlgorithms are the signatures that an identity provider may make. All are asymmetric: what it publishes verifies
// and cannot sign.
func providerAlgorithms() []string {
	return []string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg()}
}

// errKeyUnknown says that a token is signed with a key that is not among those that are known.
var errKeyUnknown = errors.New("the key of the token is not known")

// keySet is the public keys of an identity provider, as they were read once. It does not change.
type keySet struct {
	sum  [sha256.Size]byte // of all keys, to know a set that has changed
	keys keyfunc.Keyfunc
}

// parseKeySet reads a JWK Set (RFC 7517, 5). Keys of another kind or for another purpose are left out, as it asks; a set of
// which nothing is left is an error.
func parseKeySet(raw []byte) (*keySet, error) {
	var document struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	if len(document.Keys) > keysMax {
		return nil, fmt.Errorf("read key set: it has more than %d keys", keysMax)
	}
	var usable []jwkset.JWK
	var lines []string
	for _, text := range document.Keys {
		key, err := jwkset.NewJWKFromRawJSON([]byte(text), jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil || !canVerify(key) {
			continue
		}
		public, err := x509.MarshalPKIXPublicKey(key.Key())
		if err != nil {
			continue
		}
		said := key.Marshal()
		usable = append(usable, key)
		lines = append(lines, fmt.Sprintf("%q %q %x", said.KID, said.ALG, public))
	}
	if len(usable) == 0 {
		return nil, errors.New("read key set: it has no key for RS256, ES256 or EdDSA signatures")
	}
	slices.Sort(lines)
	storage := jwkset.NewMemoryStorage()
	if err := storage.KeyReplaceAll(context.Background(), usable); err != nil {
		return nil, fmt.Errorf("store key set: %w", err)
	}
	keys, err := keyfunc.New(keyfunc.Options{Storage: storage})
	if err != nil {
		return nil, fmt.Errorf("use key set: %w", err)
	}
	return &keySet{sum: sha256.Sum256([]byte(strings.Join(lines, "\n"))), keys: keys}, nil
}

// canVerify tells whether a key is one for signatures that an identity provider may make, and strong enough.
func canVerify(key jwkset.JWK) bool {
	said := key.Marshal()
	if said.USE != "" && said.USE != jwkset.UseSig {
		return false
	}
	var algorithm jwkset.ALG
	switch public := key.Key().(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < rsaBitsMin || bits > rsaBitsMax {
			return false
		}
		algorithm = jwkset.AlgRS256
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return false
		}
		algorithm = jwkset.AlgES256
	case ed25519.PublicKey:
		algorithm = jwkset.AlgEdDSA
	default:
		return false
	}
	return said.ALG == "" || said.ALG == algorithm
}

// find returns the key of a token, or all keys for one that does not say which. A set that is not there has none.
func (s *keySet) find(token *jwt.Token) (any, error) {
	if s == nil {
		return nil, errKeyUnknown
	}
	key, err := s.keys.Keyfunc(token)
	if errors.Is(err, jwkset.ErrKeyNotFound) {
		return nil, errKeyUnknown
	}
	return key, err
}
