package wechat

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

const rsaBitsMin = 2048

// PublicKey is a key with which WeChat Pay signs.
type PublicKey struct {
	ID  string // "PUB_KEY_ID_" and digits; of a platform certificate its serial number, in capital letters
	PEM string // the text of pub_key.pem, or of the platform certificate
}

// publicKeys verifies what WeChat Pay signs, by the key that the signature names. The library has verifiers for one
// public key, and for one beside certificates that it downloads; while a key is replaced there are two public keys.
type publicKeys struct {
	first string
	byID  map[string]*verifiers.SHA256WithRSAPubkeyVerifier
}

var _ auth.Verifier = publicKeys{}

// loadPublicKeys reads the keys, of which there is at least one.
func loadPublicKeys(given []PublicKey) (publicKeys, error) {
	if len(given) == 0 {
		return publicKeys{}, errors.New("there is none")
	}
	keys := publicKeys{given[0].ID, map[string]*verifiers.SHA256WithRSAPubkeyVerifier{}}
	for i, one := range given {
		if !isName(one.ID) {
			return publicKeys{}, fmt.Errorf("key %d: the id must have 1 to %d letters, digits and _", i+1, nameMax)
		}
		if keys.byID[one.ID] != nil {
			return publicKeys{}, fmt.Errorf("key %d: the id is given twice", i+1)
		}
		key, err := loadPublicKey(one)
		if err != nil {
			return publicKeys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys.byID[one.ID] = verifiers.NewSHA256WithRSAPubkeyVerifier(one.ID, *key)
	}
	return keys, nil
}

// loadPublicKey reads one key. The library's errors are not passed on, since one of them quotes what it was given.
func loadPublicKey(given PublicKey) (*rsa.PublicKey, error) {
	var key *rsa.PublicKey
	switch block, _ := pem.Decode([]byte(given.PEM)); {
	case block != nil && block.Type == "CERTIFICATE":
		certificate, err := utils.LoadCertificate(given.PEM)
		if err != nil {
			return nil, errors.New("is not a certificate")
		}
		if utils.GetCertificateSerialNumber(*certificate) != given.ID {
			return nil, errors.New("the certificate has another serial number than the id")
		}
		key, _ = certificate.PublicKey.(*rsa.PublicKey)
	default:
		key, _ = utils.LoadPublicKey(given.PEM)
	}
	if key == nil || key.N.BitLen() < rsaBitsMin {
		return nil, fmt.Errorf("is not the PEM text of an RSA key or certificate of %d bits or more", rsaBitsMin)
	}
	return key, nil
}

// loadPrivateKey reads the merchant's key. The library's errors are not passed on, so that they cannot tell of the key.
func loadPrivateKey(text string) (*rsa.PrivateKey, error) {
	key, err := utils.LoadPrivateKey(text)
	if err != nil || key.N.BitLen() < rsaBitsMin {
		return nil, fmt.Errorf("is not the PEM text (BEGIN PRIVATE KEY) of an RSA key of %d bits or more", rsaBitsMin)
	}
	return key, nil
}

// Verify checks a signature by the key that it names. Base64 has several spellings of some signatures, of which only
// the one is taken that WeChat Pay writes.
func (k publicKeys) Verify(ctx context.Context, serial, message, signature string) error {
	key := k.byID[serial]
	if key == nil {
		return errors.New("signed with a key that is not configured")
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != signature {
		return errors.New("the signature is not base64")
	}
	return key.Verify(ctx, serial, message, signature)
}

// GetSerial names the key with which WeChat Pay is asked to sign its answers: the first one.
func (k publicKeys) GetSerial(context.Context) (string, error) { return k.first, nil }
