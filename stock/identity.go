package stock

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	idBytes          = 16
	idDigits         = 26
	buyerPrefixBytes = 5 // 8 characters of base32
	buyerPrefixChars = 8
	timePrefixBytes  = 6
	afterAnyChar     = "w" // the alphabet of base32hex ends with v
)

// IDBytes are the 16 bytes of an id; its text has 26 characters.
type IDBytes [idBytes]byte

// RequestID stands for a buyer's Idempotency-Key: 26 characters of lower-case base32hex, 40 bits of a SHA-256 of the
// buyer and 88 of one of buyer and key. It is unique among the reservations, so a retried purchase finds its own order
// by it, in any process and after any restart; its form must never change. One buyer's requests stand together, which
// spares the list of a buyer's orders an index of its own.
func RequestID(buyerID, key string) string {
	id := RequestIDBytes(buyerID, key)
	return encodeID(id[:])
}

// RequestIDBytes is the same as bytes.
func RequestIDBytes(buyerID, key string) (id IDBytes) {
	copy(id[:buyerPrefixBytes], digest(buyerID))
	copy(id[buyerPrefixBytes:], digest(buyerID, key))
	return id
}

// buyerRange bounds a buyer's request ids: from <= id < until. Another buyer's may be among them.
func buyerRange(buyerID string) (from, until string) {
	prefix := encodeID(digest(buyerID)[:buyerPrefixBytes])[:buyerPrefixChars]
	return prefix, prefix + afterAnyChar
}

// NewID makes the id of an order, a transaction or a screening: 26 characters of lower-case base32hex, 48 bits of Unix
// milliseconds and 80 random ones. Ids that begin with the time let both databases add orders at the end of their
// tables; ids that are hashes cost each order a page somewhere in the file of each.
func NewID(now time.Time) string {
	id := timePrefix(now)
	_, _ = rand.Read(id[timePrefixBytes:]) // never fails, see crypto/rand
	return encodeID(id[:])
}

// TimeOf is when an id was made that begins with the time. It fails for a text that is no id.
func TimeOf(text string) (time.Time, error) {
	id, err := ParseID(text)
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:]) >> 16)).UTC(), nil
}

// firstID is no larger than any id that NewID makes from t on.
func firstID(t time.Time) string {
	id := timePrefix(t)
	return encodeID(id[:])
}

func timePrefix(t time.Time) (id IDBytes) {
	binary.BigEndian.PutUint64(id[:], uint64(t.UnixMilli())<<16)
	return id
}

// digest hashes the parts with their lengths, which keep ("ab", "c") and ("a", "bc") apart.
func digest(parts ...string) []byte {
	text := make([]byte, 0, 128)
	for _, part := range parts {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

func encodeID(id []byte) string {
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(id))
}

// ParseID reads the text of an id: the digits of base 32, which strconv reads three times as fast as encoding/base32;
// every purchase has its id read.
func ParseID(text string) (id IDBytes, err error) {
	const word = 12 // digits, of five bits each
	if len(text) != idDigits {
		return id, fmt.Errorf("id %q has not %d digits", text, idDigits)
	}
	high, highErr := strconv.ParseUint(text[:word], 32, 64)
	middle, middleErr := strconv.ParseUint(text[word:2*word], 32, 64)
	low, lowErr := strconv.ParseUint(text[2*word:], 32, 64) // eight bits of the id, and two that are zero
	if err := errors.Join(highErr, middleErr, lowErr); err != nil {
		return id, fmt.Errorf("id %q: %w", text, err)
	}
	binary.BigEndian.PutUint64(id[:], high<<4|middle>>56)
	binary.BigEndian.PutUint64(id[8:], middle<<8|low>>2)
	return id, nil
}
