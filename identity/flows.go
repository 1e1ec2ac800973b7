package identity

import (
	"crypto/subtle"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const (
	flowSeparator = "~"  // no letter of a JWT, and one that may stand in a cookie
	flowsMax      = 6    // tabs in which one person is signing in
	flowsBytesMax = 3600 // a browser keeps no longer cookie
)

// flowContent is what the browser keeps while a person is at the provider: whoever comes back without it has begun
// somewhere else.
type flowContent struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Return   string `json:"return"`
	jwt.RegisteredClaims
}

// KeepFlow adds a sign-in to those that a browser has begun, the newest first: a person may begin one in each of several tabs, and
// finish them in any order. The oldest are given up for which there is no room.
func KeepFlow(kept, flow string) string {
	flows := []string{flow}
	length := len(flow)
	for _, other := range splitFlows(kept) {
		if length += len(flowSeparator) + len(other); length > flowsBytesMax || len(flows) == flowsMax {
			break
		}
		flows = append(flows, other)
	}
	return strings.Join(flows, flowSeparator)
}

func splitFlows(kept string) []string {
	if kept == "" || len(kept) > flowsBytesMax {
		return nil
	}
	return strings.SplitN(kept, flowSeparator, flowsMax)
}

// takeFlow finds the sign-in of this state among those that a browser has begun, and returns the others that are not over. Without
// it, it returns the newest one, from which the person wants to go on.
func takeFlow(s seal, kept string, state []string) (begun flowContent, others string, err error) {
	var newest flowContent
	var remaining []string
	for _, flow := range slices.Backward(splitFlows(kept)) {
		var content flowContent
		if failed := s.open(flow, &content); failed != nil {
			err = failed
			continue
		}
		if len(state) == 1 && subtle.ConstantTimeCompare([]byte(state[0]), []byte(content.State)) == 1 {
			begun = content
			continue
		}
		newest, remaining = content, append(remaining, flow)
	}
	slices.Reverse(remaining)
	others = strings.Join(remaining, flowSeparator)
	switch {
	case begun.State != "":
		return begun, others, nil
	case newest.State != "" || err == nil:
		err = errStateUnknown
	}
	return newest, others, err
}
