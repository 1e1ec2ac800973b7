package stock

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/keyset"
	"boxoffice/stock/stocktest"
)

// Each search walks along an index in the index's order: it neither reads the whole table nor sorts what it finds, but for
// one buyer's reservations, which are few.
func TestSearchesWalkAlongAnIndex(t *testing.T) {
	d := stocktest.NewDB(t)
	fillReservations(t, d)
	at := time.UnixMilli(stocktest.Opening)
	const byID, byScreening, byRequest = "PRIMARY", "reservations_by_screening", "reservations_by_request"
	for name, c := range map[string]struct {
		search Search
		index  string
		sorts  bool
	}{
		"all":                 {Search{}, byID, false},
		"period":              {Search{From: at, Until: at.Add(time.Second), OldestFirst: true}, byID, false},
		"screening":           {Search{ScreeningID: "s-1"}, byScreening, false},
		"period of screening": {Search{ScreeningID: "s-1", From: at, Until: at.Add(time.Second), OldestFirst: true}, byScreening, false},
		"buyer":               {Search{BuyerID: "b-1"}, byRequest, true},
		"buyer and screening": {Search{BuyerID: "b-1", ScreeningID: "s-1"}, byRequest, true},
	} {
		for _, after := range []keyset.Position{{}, {At: stocktest.Opening + 500, ID: NewID(at.Add(500 * time.Millisecond))}} {
			conditions := c.search.conditions(after)
			plan := explain(t, d, `SELECT `+reservationColumns+` FROM reservations WHERE `+strings.Join(conditions.texts, " AND ")+
				` ORDER BY `+c.search.order()+` LIMIT ?`, append(conditions.args, 20)...)
			if !strings.Contains(plan, c.index) || strings.Contains(plan, "sort") != c.sorts {
				t.Errorf("%s, after %v: %s, want index %s, sorted %v", name, after, plan, c.index, c.sorts)
			}
		}
	}
}

// fillReservations writes some thousand reservations of a few buyers and screenings, so that a database has a choice.
func fillReservations(t *testing.T, d *db.DB) {
	t.Helper()
	var values []any
	for i := range 4000 {
		at := time.UnixMilli(stocktest.Opening + int64(i))
		buyer := fmt.Sprint("b-", i%100)
		values = append(values, NewID(at), RequestID(buyer, fmt.Sprint(i)), fmt.Sprint("s-", i%5), buyer, 1, 4900, "CNY", "sold",
			at.UnixMilli(), at.UnixMilli(), at.UnixMilli())
	}
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		return tx.Insert(t.Context(), `reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state,
			created_at, expires_at, settled_at)`, values)
	}); err != nil {
		t.Fatal(err)
	}
	if d.Name() == "mysql" {
		dbtest.Exec(t, d, `ANALYZE TABLE reservations`)
	}
}

// explain is a database's plan of a query, in MySQL's names of indexes, with the word sort if it sorts more than rows of the
// same time.
func explain(t *testing.T, d *db.DB, query string, args ...any) string {
	t.Helper()
	explained := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "mysql": "EXPLAIN FORMAT=TRADITIONAL "}[d.Name()] + query
	rows, err := d.Reader().QueryxContext(t.Context(), explained, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan []string
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, fmt.Sprintf("%s %s %s", row["detail"], row["key"], row["Extra"]))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("sqlite_autoindex_reservations_1 (order_id", "PRIMARY", "sqlite_autoindex_reservations_2 (request_id",
		"reservations_by_request", "TEMP B-TREE FOR ORDER BY", "sort").Replace(strings.Join(plan, "; "))
}
