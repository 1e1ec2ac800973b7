package alipay

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
)

const (
	currency   = "CNY"
	fenPerYuan = 100
	fenDigits  = 2
	yuanDigits = 12                       // of an amount that is read; Alipay has 9
	amountMax  = 100_000_000 * fenPerYuan // of one trade, by Alipay's rules

	timeLayout  = "2006-01-02 15:04:05" // of every time that Alipay writes and reads
	chinaOffset = 8 * 60 * 60           // seconds ahead of UTC, all year
)

var errNoAmount = errors.New("not an amount in yuan")

// formatYuan writes an amount as Alipay reads it: 9800 fen are "98.00". Alipay takes no other currency in this API.
func formatYuan(m event.Money) (string, error) {
	if m.Currency != currency {
		return "", fmt.Errorf("%w: alipay takes %s only, not %q", payment.ErrRefused, currency, m.Currency)
	}
	if m.Amount < 1 || m.Amount > amountMax {
		return "", fmt.Errorf("%w: alipay takes 0.01 to 100000000 yuan, not %d fen", payment.ErrRefused, m.Amount)
	}
	return fmt.Sprintf("%d.%02d", m.Amount/fenPerYuan, m.Amount%fenPerYuan), nil
}

// parseYuan reads an amount as Alipay writes it, "98.00", also "98" and "98.0", in fen.
func parseYuan(text string) (int64, error) {
	yuan, fen, hasPoint := strings.Cut(text, ".")
	if yuan == "" || len(yuan) > yuanDigits || hasPoint && fen == "" || len(fen) > fenDigits {
		return 0, errNoAmount
	}
	digits := yuan + fen + strings.Repeat("0", fenDigits-len(fen))
	if strings.Trim(digits, "0123456789") != "" {
		return 0, errNoAmount
	}
	return strconv.ParseInt(digits, 10, 64)
}

// isSum tells whether a field that may be missing has an amount other than zero. What cannot be read is one: it is not
// known to be zero.
func isSum(text string) bool {
	amount, err := parseYuan(text)
	return text != "" && (err != nil || amount != 0)
}

// chinaTime is the zone of every time that Alipay writes and reads. It needs no database of zones.
func chinaTime() *time.Location { return time.FixedZone("China", chinaOffset) }
