package mq_test

import (
	"testing"

	"boxoffice/common/mq"
)

// encoding/json takes "ID" for "id" and the last of two: what a message says would depend on who reads it.
func TestPayloadsAreReadToTheLetter(t *testing.T) {
	topic := mq.Topic[order]("orders")
	for body, want := range map[string]string{
		`{"id":"1"}`:                       "1",
		`{"id":"1","of_a_newer_sender":2}`: "1",
		`{"ID":"1"}`:                       "",
	} {
		if got, err := topic.Decode([]byte(body)); err != nil || got.ID != want {
			t.Errorf("%s: %+v, %v, want %q", body, got, err, want)
		}
	}
	for _, body := range []string{`{"id":"1","id":"2"}`, `{"id":1}`, `{"id":"1"`, `{"id":"1"} {}`, `[]`, ``, "{\"id\":\"\xff\"}"} {
		if got, err := topic.Decode([]byte(body)); err == nil {
			t.Errorf("%s: %+v, want an error", body, got)
		}
	}
}
