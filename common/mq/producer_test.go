package mq

import (
	"errors"
	"testing"
)

func TestNotSentTellsRefusalsFromOutages(t *testing.T) {
	for text, available := range map[string]bool{
		"CODE: 13, DESC: message illegal":                   true,
		"CODE: 2, DESC: broker busy":                        false,
		"CODE: 14, DESC: service not available":             false,
		"request timeout":                                   false,
		"the topic=t route info not found":                  false,
		"dial tcp 127.0.0.1:1: connect: connection refused": false,
	} {
		err := notSent(errors.New(text))
		if !errors.Is(err, ErrNotSent) || errors.Is(err, ErrUnavailable) == available {
			t.Errorf("%q became %v", text, err)
		}
	}
}
