package simulator

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"boxoffice/payment"
)

// again starts the simulator of a fixture again, as a restart of its process does.
func (f *fixture) again(file string) {
	f.Helper()
	f.sim.Close()
	sim, err := New(Options{
		Secret: testSecret, Seed: 1, PublicURL: func() string { return f.server.URL }, Now: f.clock.now, File: file,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(sim.Close)
	f.sim, f.server.Config.Handler = sim, sim.Handler()
}

// The simulator of a demo forgot at each restart what it had taken: a refund of it was answered 404 afterwards, and needed a
// person. It knows payments, refunds and what is left of each, however often it is started again.
func TestPaymentsAndRefundsSurviveARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "payments.jsonl")
	f := newFixture(t, Faults{}, func(o *Options) { o.File = file })
	f.start("open")
	f.start("a")
	paid := f.pay("a")
	if _, err := f.client.Refund(f.context(), refundOf(paid, "part", 1000)); err != nil {
		t.Fatal(err)
	}
	before := f.idle()
	for range 2 {
		f.again(file)
		if after := f.idle(); !reflect.DeepEqual(after.Attempts, before.Attempts) || !reflect.DeepEqual(after.Refunds, before.Refunds) ||
			!reflect.DeepEqual(after.Taken, before.Taken) || !reflect.DeepEqual(after.SentBack, before.SentBack) {
			t.Errorf("the books were\n%+v\nand are\n%+v", before, after)
		}
	}
	if _, err := f.client.Refund(f.context(), refundOf(paid, "too much", 9000)); err == nil {
		t.Error("more than is left went back")
	}
	for key, amount := range map[string]int64{"part": 1000, "rest": 8800} { // the one of before, and a new one
		if status, err := f.client.Refund(f.context(), refundOf(paid, key, amount)); err != nil || status.State != payment.RefundDone {
			t.Errorf("refund %s: %+v, %v", key, status, err)
		}
	}
	if f.pay("open"); f.idle().SentBack["CNY"] != 9800 {
		t.Errorf("the books are %+v", f.sim.Books())
	}
	lines, err := os.ReadFile(file)
	if err != nil || bytes.Count(lines, []byte("\n")) < 5 {
		t.Fatalf("the file: %v\n%s", err, lines)
	}
	f.again(file)
	if lines, err = os.ReadFile(file); err != nil || bytes.Count(lines, []byte("\n")) != 4 { // two attempts and two refunds
		t.Errorf("a start keeps what is past: %v\n%s", err, lines)
	}
}

// A refund that was on its way when the process ended is carried out by the next one: nobody else would do it.
func TestPendingRefundIsCarriedOutAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "payments.jsonl")
	f := newFixture(t, Faults{RefundPending: 1, MaxDelay: patience}, func(o *Options) { o.File = file })
	f.start("a")
	refund := refundOf(f.pay("a"), "all", 9800)
	if status, err := f.client.Refund(f.context(), refund); err != nil || status.State != payment.RefundPending {
		t.Fatalf("%+v, %v", status, err)
	}
	f.again(file)
	if status, err := f.client.QueryRefund(f.context(), refund); err != nil || status.State != payment.RefundDone {
		t.Errorf("after a restart: %+v, %v", status, err)
	}
	f.again(file)
	if books := f.sim.Books(); books.Refunds["all"].Moved != 1 || books.SentBack["CNY"] != 9800 {
		t.Errorf("the money went back once: %+v", books)
	}
}

// A process is killed while it writes: what was being written is not there, and all else is. A file that somebody has changed
// is not taken for one without payments.
func TestJournalThatIsCutOffOrDamaged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "payments.jsonl")
	f := newFixture(t, Faults{}, func(o *Options) { o.File = file })
	f.start("a")
	f.pay("a")
	f.sim.Close()
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(whole, `{"attempt":{"terms":{"attempt_id":"b"`...), 0o600); err != nil {
		t.Fatal(err)
	}
	f.again(file)
	if books := f.sim.Books(); len(books.Attempts) != 1 || books.Taken["CNY"] != 9800 {
		t.Errorf("after a line that was cut off: %+v", books)
	}
	f.sim.Close()
	for name, text := range map[string]string{
		"garbled": "{\n" + string(whole), "nothing": "{}\n", "a refund of nothing": `{"refund":{"refund":{"key":"k","payment_id":"p"}}}` + "\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := New(Options{Secret: testSecret, PublicURL: func() string { return f.server.URL }, File: file})
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want an error that names the file", name, err)
		}
	}
}

// A disk that is full loses what comes then, and nothing of before: the line that was half written is taken back.
func TestJournalOnAFullDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "payments.jsonl")
	f := newFixture(t, Faults{}, func(o *Options) { o.File = file })
	f.start("a")
	j := f.sim.journal
	if _, err := j.file.WriteString(`{"attempt":`); err != nil { // as much as went onto the disk
		t.Fatal(err)
	}
	full := &journal{file: j.file, size: j.size, log: j.log}
	if err := full.undo(errors.New("no space left on device")); err == nil {
		t.Error("the error is swallowed")
	}
	f.pay("a")
	f.again(file)
	if books := f.sim.Books(); books.Attempts["a"].State != string(payment.Paid) {
		t.Errorf("the books are %+v", books)
	}
}
