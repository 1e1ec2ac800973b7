package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/inquiry"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sql"
	"boxoffice/stock"
)

// A buyer's name cannot become a formula in the accountant's spreadsheet, and every line ends as RFC 4180 says.
func TestExportIsHarmlessCSV(t *testing.T) {
	f := newFixture(t)
	names := []string{"alice", "=1+1", "+1", "-1", "@SUM(A1)", `say "hi"`, "a,b", "\tx"}
	f.desk.export = func(_ context.Context, page func([]inquiry.Row) error) error {
		for _, name := range names {
			row := testRow()
			row.BuyerID, row.PaidBy = name, name
			if err := page([]inquiry.Row{row}); err != nil {
				return err
			}
		}
		return nil
	}
	body := f.asAdmin(t, "GET", "/v1/admin/orders.csv", "")
	if lines := strings.Count(body, "\r\n"); lines != len(names)+1 || strings.Count(body, "\n") != lines {
		t.Errorf("%d lines end in CRLF, want %d: %q", lines, len(names)+1, body)
	}
	records, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || !slices.Equal(records[0], exportColumns()) {
		t.Fatalf("header %q, %v", records[0], err)
	}
	column := slices.Index(exportColumns(), "buyer_id")
	for i, name := range names {
		want := name
		if strings.ContainsAny(name[:1], "=+-@\t") {
			want = "'" + name
		}
		if got := records[i+1][column]; got != want || records[i+1][slices.Index(exportColumns(), "payment_id")] != want {
			t.Errorf("%q is written %q, want %q", name, got, want)
		}
	}
	want := orderID + ",2026-11-20T12:00:00.250Z,paid,,scr-1,alice,2,9800,CNY,9800,0,alice,webhook,sold,2026-11-20T12:00:00.250Z\r\n"
	if !strings.Contains(body, want) {
		t.Errorf("%q lacks %q", body, want)
	}
}

// A buyer calls himself x;=1+1, and the accountant's spreadsheet splits lines at semicolons, as in much of Europe, or at tabs,
// quotes or no quotes. No cell that comes of it is run.
func TestNoCellOfASplitTextIsAFormula(t *testing.T) {
	for text, want := range map[string]string{
		"x;=1+1": "x;'=1+1", "x;=1;-2;y": "x;'=1;'-2;y", "x\t+1": "x\t'+1", "x\n@a": "x\n'@a", `x;"=1"`: `x;'"=1"`, `"=1"`: `'"=1"`,
		"=1;=2": "'=1;'=2", "x;y": "x;y", "a-b@c.example": "a-b@c.example", ";": ";", "": "", "\xff;=": "\xff;'=", "\u7968;=1": "\u7968;'=1",
	} {
		if got := harmless(text); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
}

func TestExportOfNothingIsItsHeader(t *testing.T) {
	f := newFixture(t)
	f.desk.export = func(context.Context, func([]inquiry.Row) error) error { return nil }
	w := f.send(t, ask{method: "GET", path: "/v1/admin/orders.csv?bom=true&from=&to=", token: tokenFor(t, "root", roleAdmin)})
	if want := "\ufeff" + strings.Join(exportColumns(), ",") + "\r\n"; w.Code != 200 || w.Body.String() != want ||
		w.Header().Get("Content-Type") != "text/csv; charset=utf-8; header=present" ||
		w.Header().Get("Content-Disposition") != `attachment; filename="orders.csv"` {
		t.Errorf("answered %d %v %q, want %q", w.Code, w.Header(), w.Body, want)
	}
	f.desk.export = func(context.Context, func([]inquiry.Row) error) error { return inquiry.ErrBusy }
	wantProblem(t, f.send(t, ask{method: "GET", path: "/v1/admin/orders.csv", token: tokenFor(t, "root", roleAdmin)}), 503, "busy")
}

// serve runs the office on a port, with a server that change may make impatient.
func (f *fixture) serve(t *testing.T, change func(*http.Server)) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(f.handler)
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	change(server)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // its error is that it was closed
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return "http://" + listener.Addr().String() + "/v1/admin/orders.csv"
}

func openExport(ctx context.Context, t *testing.T, url string) io.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+tokenFor(t, "root", roleAdmin))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("answered %d", response.StatusCode)
	}
	return response.Body
}

// An export takes longer than the server lets any other answer take; each of its pages has a deadline of its own.
func TestExportOutlivesTheServersTimeouts(t *testing.T) {
	f := newFixture(t)
	const pages, timeout = 8, 200 * time.Millisecond
	f.desk.export = func(ctx context.Context, page func([]inquiry.Row) error) error {
		for range pages {
			if err := page([]inquiry.Row{testRow()}); err != nil {
				return err
			}
			select {
			case <-time.After(timeout / 2):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	url := f.serve(t, func(s *http.Server) { s.WriteTimeout, s.ReadTimeout, s.ReadHeaderTimeout = timeout, timeout, timeout })
	records, err := csv.NewReader(openExport(t.Context(), t, url)).ReadAll()
	if err != nil || len(records) != pages+1 {
		t.Errorf("%d lines, %v, want %d", len(records), err, pages+1)
	}
}

// Half an export must not look like a whole one.
func TestExportThatFailsIsCutOff(t *testing.T) {
	f := newFixture(t)
	f.desk.export = func(_ context.Context, page func([]inquiry.Row) error) error {
		return errors.Join(page([]inquiry.Row{testRow()}), stock.ErrUnavailable)
	}
	body, err := io.ReadAll(openExport(t.Context(), t, f.serve(t, func(*http.Server) {})))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(string(body), orderID) {
		t.Errorf("read %q, %v, want one order and an unexpected end", body, err)
	}
	if log := f.log.String(); !strings.Contains(log, "ends in the middle") {
		t.Errorf("logged %q", log)
	}
}

// A client that goes away ends its export.
func TestExportEndsWithItsClient(t *testing.T) {
	f := newFixture(t)
	ended := make(chan error, 1)
	f.desk.export = func(ctx context.Context, page func([]inquiry.Row) error) error {
		err := page([]inquiry.Row{testRow()})
		<-ctx.Done()
		ended <- err
		return ctx.Err()
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	body := openExport(ctx, t, f.serve(t, func(*http.Server) {}))
	if _, err := bufio.NewReader(body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	leave()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the export goes on without its client")
	}
	if log := f.log.String(); log != "" {
		t.Errorf("logged %s", log)
	}
}

// A hundred thousand orders go through both databases and a connection, and memory does not grow with them.
func TestExportHoldsNoOrdersInMemory(t *testing.T) {
	const orders, grownMax = 100_000, 16 << 20
	desk := newFullDesk(t, orders)
	f := newFixture(t, func(o *Options) {
		o.Operators = &Operators{Desk: desk, Doctor: newDoctor(), Processes: fakeProcesses{}}
	})
	url := f.serve(t, func(*http.Server) {})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, lines := heap(), uint64(0), 0
	body := bufio.NewScanner(openExport(t.Context(), t, url))
	for last := ""; body.Scan(); lines++ {
		if lines%10_000 == 0 {
			most = max(most, heap())
		}
		if lines > 0 && body.Text() <= last {
			t.Fatalf("%q comes after %q", body.Text(), last)
		}
		if lines > 0 {
			last = body.Text()
		}
	}
	if body.Err() != nil || lines != orders+1 {
		t.Errorf("%d lines, %v, want %d", lines, body.Err(), orders+1)
	}
	t.Logf("heap before %d KiB, at most %d KiB", before>>10, most>>10)
	if most > before+grownMax {
		t.Errorf("the heap grew from %d to %d bytes", before, most)
	}
}

// newFullDesk is a desk over databases with so many orders, half of them paid.
func newFullDesk(t *testing.T, orders int) *inquiry.Desk {
	t.Helper()
	stockSchema, err := sql.Stock()
	if err != nil {
		t.Fatal(err)
	}
	orderSchema, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	stockDB, orderDB := dbtest.New(t, stockSchema), dbtest.New(t, orderSchema)
	insert := func(d *db.DB, into string, values []any) {
		if err := d.InTx(t.Context(), func(tx *db.Tx) error { return tx.Insert(t.Context(), into, values) }); err != nil {
			t.Fatal(err)
		}
	}
	const batch = 5000
	for from := 0; from < orders; from += batch {
		var reservations, rows []any
		for i := from; i < min(from+batch, orders); i++ {
			at := testNow().Add(time.Duration(i) * time.Millisecond)
			id, buyer, ms := stock.NewID(at), fmt.Sprint("buyer-", i), at.UnixMilli()
			reservations = append(reservations, id, stock.RequestID(buyer, "k"), screeningID, buyer, 1, 4900, "CNY", "sold", ms, ms, ms)
			if i%2 == 0 {
				rows = append(rows, id, screeningID, buyer, 1, 4900, "CNY", "PAID", ms, ms, ms)
			}
		}
		insert(stockDB, `reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state,
			created_at, expires_at, settled_at)`, reservations)
		insert(orderDB, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at, settled_at)`, rows)
	}
	quiet := slog.New(slog.DiscardHandler)
	service := order.New(t.Context(), orderDB, nil, order.Options{Now: testNow, Log: quiet, MaxBatch: 10})
	t.Cleanup(service.Close)
	payments := payment.New(orderDB, payment.Options{Orders: service, Now: testNow, Log: quiet})
	t.Cleanup(payments.Close)
	return inquiry.NewDesk(stock.New(stockDB, stock.Options{Now: testNow}), service, payments, nil, nil, nil)
}
