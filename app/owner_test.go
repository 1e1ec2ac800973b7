//go:build !race

package app

import (
	"io"
	"strings"
	"testing"
)

// wantNoStart runs an office that must refuse to start, with one sentence.
func (o *officeTest) wantNoStart(sentence string) {
	o.t.Helper()
	if err := runServe(o.t.Context(), o.call(io.Discard)); err == nil || !strings.Contains(err.Error(), sentence) {
		o.t.Errorf("it ended with %v, want %q", err, sentence)
	}
}

// Two offices that shared a cluster without a prefix consumed each other's messages, and one that was given another's
// database by mistake mixed their orders.
func TestOfficesRefuseEachOther(t *testing.T) {
	east := newOffice(t)
	west := &officeTest{home: newDatabases(t), t: t, clock: &testClock{}}
	west.nameServer, west.prefix = east.nameServer, east.prefix
	west.env = west.environment()
	west.wantNoStart("set BOXOFFICE_QUEUE_PREFIX")

	west.env["BOXOFFICE_ORDER_DSN"] = east.orderDSN
	west.wantNoStart("set BOXOFFICE_STOCK_DSN and BOXOFFICE_ORDER_DSN")

	west.env["BOXOFFICE_ORDER_DSN"], west.env["BOXOFFICE_QUEUE_PREFIX"] = west.orderDSN, newPrefix()
	west.start()
}
