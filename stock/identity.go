package stock

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

const orderIDBytes = 16

// OrderID is the id of the order that a buyer's Idempotency-Key stands for: 26 characters of lower-case base32hex, the
// first 128 bits of a SHA-256. A retried purchase finds its own order by it, in any process and after any restart, so
// its form must never change.
func OrderID(buyerID, key string) string {
	sum := sha256.New()
	for _, part := range []string{buyerID, key} {
		// The length keeps ("ab", "c") and ("a", "bc") apart. A hash never fails to write.
		_, _ = sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = sum.Write([]byte(part))
	}
	id := sum.Sum(nil)[:orderIDBytes]
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(id))
}
