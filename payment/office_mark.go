package payment

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const markBytes = 8 // of a hash: so many offices have one account that they do not meet

// MarkMax is how many characters MarkOrder adds to the id of an order.
const MarkMax = len(" ") + 2*markBytes

// MarkOrder is what a provider with a shared account is given to hand back with the money: the id of an order, and whose it is. A
// blank is in no id, so that an office which knows nothing of marks takes it for no order, and not for another one.
func MarkOrder(orderID, office string) string { return orderID + " " + officeMark(office) }

// ReadMark reads what a provider has handed back. An attempt that was started before there were marks has none, and may be
// anybody's: it is not foreign. The order's id is not checked.
func ReadMark(text, office string) (orderID string, foreign bool) {
	orderID, mark, marked := strings.Cut(text, " ")
	if marked && len(mark) != MarkMax-1 {
		return text, false
	}
	return orderID, marked && mark != officeMark(office)
}

func officeMark(office string) string {
	sum := sha256.Sum256([]byte(office))
	return hex.EncodeToString(sum[:markBytes])
}
