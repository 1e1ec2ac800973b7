//go:build !race

package app

import (
	"bufio"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	exportRows      = 50_000
	exportChunk     = 100_000
	exportLooks     = 20      // at the heap, while the rows come
	exportHeapSlack = 4 << 20 // by which what is held may grow, however many rows there are
)

// A million orders are exported while they are read: what the office has in memory does not grow with them.
// BOXOFFICE_TEST_EXPORT_ROWS says how many there are. Not in parallel: what other tests have in use would be counted.
func TestExportIsFlat(t *testing.T) {
	if onStack(t) {
		t.Skip("it fills the files of SQLite")
	}
	count := numberFrom(t, "BOXOFFICE_TEST_EXPORT_ROWS", exportRows)
	o := newOffice(t)
	order := o.mustBuy("alice", o.addScreening(10, 0), 2)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.callback("pay", order.ID, 2)
	o.eventuallyStatus("alice", order.ID, "paid")
	o.eventually("its tickets are sold", func() bool {
		return strings.Contains(string(o.must("GET", "/v1/admin/orders?id="+order.ID, bearer(t, "boss", "admin"), "").body), `"sold"`)
	})
	const id = `'c' || printf('%025d', n.i)`
	filled := time.Now()
	for from := 0; from < count; from += exportChunk {
		to := min(from+exportChunk, count)
		o.copies(o.stockDSN, "reservations", "order_id", order.ID, map[string]string{"order_id": id, "request_id": "'r' || n.i"}, from, to)
		o.copies(o.orderDSN, "orders", "id", order.ID, map[string]string{"id": id}, from, to)
		o.copies(o.orderDSN, "payments", "id", "pay", map[string]string{"id": "'p' || n.i", "order_id": id}, from, to)
	}
	t.Logf("%d orders are there after %v", count, time.Since(filled).Round(time.Millisecond))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.shop+"/v1/admin/orders.csv", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+bearer(t, "boss", "admin"))
	before := heapInUse()
	began := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines, bytes, looks := 0, 0, []uint64(nil)
	for rows := bufio.NewScanner(answer.Body); rows.Scan(); lines++ {
		bytes += len(rows.Bytes()) + 2
		if lines%(count/exportLooks+1) == 0 {
			looks = append(looks, heapInUse())
		}
		if lines == 2 && !strings.Contains(rows.Text(), ",9800,CNY,9800,0,") {
			t.Errorf("a row is %s", rows.Text())
		}
	}
	if answer.StatusCode != http.StatusOK || lines != count+2 { // the first order and the header
		t.Errorf("the export answers %d with %d lines, want %d", answer.StatusCode, lines, count+2)
	}
	took := time.Since(began)
	held := slices.Min(looks[len(looks)*3/4:]) // what the office's workers use in passing is not held
	t.Logf("%d rows, %d MB in %v: %.0f rows/s; in use %d KiB before, %d KiB held, at most %d KiB meanwhile",
		count+1, bytes/1e6, took.Round(time.Millisecond), float64(count)/took.Seconds(), before>>10, held>>10, slices.Max(looks)>>10)
	if held > before+exportHeapSlack {
		t.Errorf("%d KiB are in use before an export and %d KiB are held near its end", before>>10, held>>10)
	}
}

// heapInUse is what is in use in the process, without garbage.
func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// copies adds a row so many times, with other values in some columns.
func (o *officeTest) copies(dsn, table, key, id string, changed map[string]string, from, to int) {
	o.t.Helper()
	var names string
	o.read(dsn, &names, `SELECT group_concat(name) FROM pragma_table_info('`+table+`')`)
	var values []string
	for name := range strings.SplitSeq(names, ",") {
		if other, is := changed[name]; is {
			values = append(values, other)
		} else {
			values = append(values, "t."+name)
		}
	}
	o.write(dsn, fmt.Sprintf(`INSERT INTO %s (%s) WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT %s FROM n, %[1]s t WHERE t.%[6]s = ?`, table, names, from+1, to, strings.Join(values, ", "), key), id)
}
