package stock

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

const (
	orderIDBytes     = 16
	buyerPrefixBytes = 5 // 8 characters of base32
	buyerPrefixChars = 8
	afterAnyChar     = "w" // the alphabet of base32hex ends with v
)

// OrderID is the id of the order that a buyer's Idempotency-Key stands for: 26 characters of lower-case base32hex, 40
// bits of a SHA-256 of the buyer and 88 of one of buyer and key. A retried purchase finds its own order by it, in any
// process and after any restart, so its form must never change. One buyer's orders stand together in the primary key,
// which spares a second index, and with it a second page somewhere in the file, for each order.
func OrderID(buyerID, key string) string {
	var id [orderIDBytes]byte
	copy(id[:buyerPrefixBytes], digest(buyerID))
	copy(id[buyerPrefixBytes:], digest(buyerID, key))
	return encodeID(id[:])
}

// buyerRange bounds the ids of a buyer's orders: from <= id < until. Another buyer's may be among them.
func buyerRange(buyerID string) (from, until string) {
	prefix := encodeID(digest(buyerID)[:buyerPrefixBytes])[:buyerPrefixChars]
	return prefix, prefix + afterAnyChar
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
