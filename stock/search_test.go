package stock

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"boxoffice/stock/stocktest"
)

// Each search walks along an index in the index's order: it neither reads the whole table nor sorts what it finds, but for
// one buyer's reservations, which are few.
func TestSearchesWalkAlongAnIndex(t *testing.T) {
	d := stocktest.NewDB(t)
	if d.Name() != "sqlite" {
		t.Skip("the form of a plan is SQLite's")
	}
	at := time.UnixMilli(stocktest.Opening)
	const byID, byScreening = "sqlite_autoindex_reservations_1 (order_id", "reservations_by_screening (screening_id"
	const byRequest = "sqlite_autoindex_reservations_2 (request_id"
	for name, c := range map[string]struct {
		search      Search
		index, sort string
	}{
		"all":                 {Search{}, byID, ""},
		"period":              {Search{From: at, Until: at, OldestFirst: true}, byID, ""},
		"screening":           {Search{ScreeningID: "s"}, byScreening, "LAST TERM"},
		"period of screening": {Search{ScreeningID: "s", From: at, Until: at, OldestFirst: true}, byScreening, "LAST TERM"},
		"buyer":               {Search{BuyerID: "b"}, byRequest, "ORDER BY"},
		"buyer and screening": {Search{BuyerID: "b", ScreeningID: "s"}, byRequest, "ORDER BY"},
	} {
		for _, after := range []Place{{}, {At: stocktest.Opening, ID: NewID(at)}} {
			conditions := c.search.conditions(after)
			var plan []struct {
				ID, Parent, NotUsed int
				Detail              string
			}
			if err := d.Reader().SelectContext(t.Context(), &plan, `EXPLAIN QUERY PLAN SELECT `+reservationColumns+` FROM reservations
				WHERE `+strings.Join(conditions.texts, " AND ")+` ORDER BY `+c.search.order()+` LIMIT ?`,
				append(conditions.args, 20)...); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprint(plan)
			if !strings.Contains(text, "SEARCH reservations USING INDEX "+c.index) {
				t.Errorf("%s, after %v: %s, want index %s", name, after, text, c.index)
			}
			if sorts := strings.Contains(text, "TEMP B-TREE"); sorts != (c.sort != "") || !strings.Contains(text, c.sort) {
				t.Errorf("%s, after %v: %s, want a sort of %q", name, after, text, c.sort)
			}
		}
	}
}
