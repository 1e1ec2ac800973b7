package wechat

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"boxoffice/common/idform"
)

const (
	headerSignatureType = "Wechatpay-Signature-Type"
	signatureType       = "WECHATPAY2-SHA256-RSA2048"
	tolerance           = 5 * time.Minute
	headerBytesMax      = 1024 // an RSA key of 4096 bits signs with 684
)

// isSigned tells whether the headers sign this body with one of the keys, at a time within the tolerance of now.
//
// The library's verifier checks the signature. Its handler of notifications is not used: its clock is the machine's and
// cannot be passed in, it takes a header that is there twice, a timestamp like +1795000000 and spaces around values, its
// errors print the whole request, and it panics at a signed body without a resource or with a nonce of another length.
func isSigned(ctx context.Context, keys publicKeys, now time.Time, header http.Header, body []byte) bool {
	serial, okSerial := single(header, consts.WechatPaySerial)
	signature, okSignature := single(header, consts.WechatPaySignature)
	nonce, okNonce := single(header, consts.WechatPayNonce)
	timestamp, okTimestamp := single(header, consts.WechatPayTimestamp)
	if !okSerial || !okSignature || !okNonce || !okTimestamp {
		return false
	}
	if _, isGiven := header[headerSignatureType]; isGiven {
		if kind, ok := single(header, headerSignatureType); !ok || kind != signatureType {
			return false
		}
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != timestamp {
		return false
	}
	if sent := time.Unix(seconds, 0); sent.Before(now.Add(-tolerance)) || sent.After(now.Add(tolerance)) {
		return false
	}
	message := timestamp + "\n" + nonce + "\n" + string(body) + "\n"
	return keys.Verify(ctx, serial, message, signature) == nil
}

// single returns the value of a header that must be there exactly once.
func single(header http.Header, name string) (string, bool) {
	values := header[name]
	if len(values) != 1 || !idform.IsVisibleASCII(values[0], headerBytesMax) {
		return "", false
	}
	return values[0], true
}
