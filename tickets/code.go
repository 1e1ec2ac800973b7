package tickets

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// A code is the base64url of a payload and its Ed25519 signature. The payload is the version, the seat's number in its
// order, and the ids of order and screening: an id that the office makes is 16 bytes, any other its text. That is 134
// characters, which make a QR code that a bad camera still reads.
const (
	codeVersion  = 1
	codeMax      = 320 // characters, with two ids of the longest text
	idBytes      = 16
	idText       = 26 // characters of base32hex
	textBytesMax = 64
	seatMax      = 1 << 16
)

// seat is what a code says.
type seat struct {
	orderID, screeningID string
	number               int
}

// Keys sign codes and verify them.
type Keys struct {
	signing   ed25519.PrivateKey
	verifying []ed25519.PublicKey
}

// ParseKeys reads keys, each the base64 of a 32-byte seed. The first one signs; the others verify what they signed before
// they were replaced.
func ParseKeys(seeds []string) (Keys, error) {
	if len(seeds) == 0 {
		return Keys{}, errors.New("there is no key")
	}
	var keys Keys
	for _, text := range seeds {
		seed, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(seed) != ed25519.SeedSize {
			return Keys{}, fmt.Errorf("is not the base64 of %d bytes", ed25519.SeedSize)
		}
		key := ed25519.NewKeyFromSeed(seed)
		if keys.signing == nil {
			keys.signing = key
		}
		keys.verifying = append(keys.verifying, ed25519.PublicKey(key[ed25519.SeedSize:]))
	}
	return keys, nil
}

// Public lists the keys that verify codes, the one that signs first.
func (k Keys) Public() [][]byte {
	public := make([][]byte, len(k.verifying))
	for i, key := range k.verifying {
		public[i] = key
	}
	return public
}

// sign makes the code of a seat: the same seat and key always give the same code, so none is stored.
func (k Keys) sign(s seat) string {
	payload := binary.AppendUvarint([]byte{codeVersion}, uint64(s.number))
	payload = appendID(appendID(payload, s.orderID), s.screeningID)
	return base64.RawURLEncoding.EncodeToString(append(payload, ed25519.Sign(k.signing, payload)...))
}

// verify reads a code that one of the keys has signed. Whatever is wrong with another one, it fails with ErrCodeInvalid,
// which tells a forger nothing.
func (k Keys) verify(code string) (seat, error) {
	if len(code) > codeMax || strings.ContainsAny(code, "\r\n") { // which the decoder would skip
		return seat{}, ErrCodeInvalid
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(code)
	if err != nil || len(raw) <= ed25519.SignatureSize {
		return seat{}, ErrCodeInvalid
	}
	payload, signature := raw[:len(raw)-ed25519.SignatureSize], raw[len(raw)-ed25519.SignatureSize:]
	for _, key := range k.verifying {
		if ed25519.Verify(key, payload, signature) {
			return readSeat(payload)
		}
	}
	return seat{}, ErrCodeInvalid
}

// readSeat reads a payload that was signed here, so only one of another version can be unreadable.
func readSeat(payload []byte) (s seat, err error) {
	rest, ok := bytes.CutPrefix(payload, []byte{codeVersion})
	number, n := binary.Uvarint(rest)
	if !ok || n <= 0 || number < 1 || number > seatMax {
		return seat{}, ErrCodeInvalid
	}
	s.number = int(number)
	if s.orderID, rest, err = cutID(rest[n:]); err != nil {
		return seat{}, err
	}
	if s.screeningID, rest, err = cutID(rest); err != nil || len(rest) > 0 {
		return seat{}, ErrCodeInvalid
	}
	return s, nil
}

// appendID writes an id with its length, which is 0 for the 16 bytes of an id that the office makes.
func appendID(to []byte, id string) []byte {
	if raw, err := idEncoding().DecodeString(strings.ToUpper(id)); err == nil && len(id) == idText && textOf(raw) == id {
		return append(append(to, 0), raw...)
	}
	return append(append(to, byte(len(id))), id...)
}

func cutID(from []byte) (id string, rest []byte, err error) {
	if len(from) == 0 {
		return "", nil, ErrCodeInvalid
	}
	size, from := int(from[0]), from[1:]
	isText := size > 0
	if !isText {
		size = idBytes
	}
	if size > textBytesMax || len(from) < size {
		return "", nil, ErrCodeInvalid
	}
	if isText {
		return string(from[:size]), from[size:], nil
	}
	return textOf(from[:size]), from[size:], nil
}

func textOf(raw []byte) string { return strings.ToLower(idEncoding().EncodeToString(raw)) }

func idEncoding() *base32.Encoding { return base32.HexEncoding.WithPadding(base32.NoPadding) }
