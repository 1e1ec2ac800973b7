package db

import (
	"errors"
	"testing"
)

// A database that was away at the start is one in an outage, until it is admitted; then its server is asked.
func TestOpenLaterIsAnOutageUntilAdmitted(t *testing.T) {
	const nobody = "mysql://u:p@127.0.0.1:1/x"
	if _, err := Open(t.Context(), nobody); !errors.Is(err, ErrAway) {
		t.Errorf("open: %v, want ErrAway", err)
	}
	d, admit, err := OpenLater(nobody)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.InTx(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, ErrAway) || !d.IsUnavailable(err) {
		t.Errorf("before it is admitted: %v, want ErrAway", err)
	}
	admit()
	if err := d.Ping(t.Context()); err == nil || errors.Is(err, ErrAway) || !d.IsUnavailable(err) {
		t.Errorf("once it is admitted: %v, want the refusal of a connection", err)
	}
}
