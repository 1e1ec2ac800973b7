package api

import (
	"encoding/base32"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"boxoffice/common/keyset"
	"boxoffice/inquiry"
	"boxoffice/order"
	"boxoffice/stock"
)

// badBodies is what no call that takes a body may take, whatever the call.
func badBodies(good string) map[string]struct {
	body   string
	status int
	code   string
} {
	type bad = struct {
		body   string
		status int
		code   string
	}
	return map[string]bad{
		"empty":          {" ", 400, "invalid_request"},
		"not JSON":       {"quantity=1", 400, "invalid_request"},
		"cut":            {good[:len(good)-1], 400, "invalid_request"},
		"trailing value": {good + "{}", 400, "invalid_request"},
		"trailing text":  {good + " x", 400, "invalid_request"},
		"array":          {"[]", 400, "invalid_request"},
		"string":         {`"x"`, 400, "invalid_request"},
		"unknown field":  {`{"buyer_id":"bob",` + good[1:], 400, "invalid_request"},
		"long unknown":   {`{"` + strings.Repeat("\u00e9", 5000) + `":1,` + good[1:], 400, "invalid_request"},
		"deep":           {strings.Repeat("[", 12000), 400, "invalid_request"},
		"just too large": {good + strings.Repeat(" ", bodyBytesMax-len(good)+1), 413, "body_too_large"},
	}
}

func TestBadBodies(t *testing.T) {
	f := newFixture(t, withDemo)
	for name, a := range map[string]ask{
		"purchase":         buy(t),
		"add screening":    {method: "POST", path: "/v1/screenings", body: newScreening(), token: tokenFor(t, "root", roleAdmin)},
		"change screening": {method: "PATCH", path: "/v1/screenings/scr-1", body: `{"capacity":9}`, token: tokenFor(t, "root", roleAdmin)},
		"make token":       {method: "POST", path: "/v1/dev/tokens", body: `{"user":"bob","role":"buyer"}`},
		"simulate payment": {
			method: "POST", path: "/v1/dev/payments", body: `{"order_id":"` + orderID + `"}`, token: tokenFor(t, "alice", roleBuyer),
		},
	} {
		t.Run(name, func(t *testing.T) {
			for what, bad := range badBodies(a.body) {
				broken := a
				broken.body = bad.body
				w := f.send(t, broken)
				if detail := wantProblem(t, w, bad.status, bad.code); len(detail) > 320 {
					t.Errorf("%s: a detail of %d bytes", what, len(detail))
				}
			}
			for _, header := range []http.Header{
				{"Content-Type": {"text/plain"}}, {"Content-Type": {"application/x-www-form-urlencoded"}},
				{"Content-Type": {""}}, {"Content-Type": {"application/json; charset=utf-16"}},
				{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
			} {
				broken := a
				broken.header = header.Clone()
				for name, values := range a.header {
					broken.header[name] = values
				}
				wantProblem(t, f.send(t, broken), 415, "unsupported_media_type")
			}
			fits := a
			fits.body += strings.Repeat(" ", bodyBytesMax-len(a.body))
			fits.header = a.header.Clone()
			if fits.header == nil {
				fits.header = http.Header{}
			}
			fits.header.Set("Content-Type", "Application/JSON; charset=UTF-8")
			if w := f.send(t, fits); w.Code >= 400 && name != "simulate payment" {
				t.Errorf("the largest body was answered %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestPurchaseInput(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		change func(*ask)
		status int
		code   string
	}{
		{func(a *ask) { a.body = `{}` }, 422, "invalid_request"},
		{func(a *ask) { a.body = `null` }, 400, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":0}` }, 422, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":-1}` }, 422, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":101}` }, 422, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":1.5}` }, 400, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":1e30}` }, 400, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":99999999999999999999}` }, 400, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":"1"}` }, 400, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":1,"price":1}` }, 400, "invalid_request"},
		{func(a *ask) { a.body = `{"quantity":1,"id":"x"}` }, 400, "invalid_request"},
		{func(a *ask) { a.header = nil }, 400, "idempotency_key_missing"},
		{func(a *ask) { a.header["Idempotency-Key"] = []string{""} }, 400, "idempotency_key_missing"},
		{func(a *ask) { a.header["Idempotency-Key"] = []string{"a", "b"} }, 400, "invalid_request"},
		{func(a *ask) { a.header["Idempotency-Key"] = []string{strings.Repeat("k", 256)} }, 400, "invalid_request"},
		{func(a *ask) { a.header["Idempotency-Key"] = []string{"sn\u00f6"} }, 400, "invalid_request"},
		{func(a *ask) { a.path = "/v1/screenings/other/orders" }, 404, "not_found"},
		{func(a *ask) { a.path = "/v1/screenings/" + strings.Repeat("x", 65) + "/orders" }, 404, "not_found"},
		{func(a *ask) { a.path = "/v1/screenings/a%27%20or%201=1/orders" }, 404, "not_found"},
		{func(a *ask) { a.path = "/v1/screenings//orders" }, 404, "not_found"},
		{func(a *ask) { a.path = "/v1/screenings/%2e%2e/orders" }, 404, "not_found"},
	} {
		a := buy(t)
		c.change(&a)
		wantProblem(t, f.send(t, a), c.status, c.code)
	}
	longest := buy(t)
	longest.header["Idempotency-Key"] = []string{strings.Repeat("~", 255)}
	longest.body = `{"quantity":100}`
	if w := f.send(t, longest); w.Code != http.StatusAccepted {
		t.Errorf("the longest key was answered %d %s", w.Code, w.Body)
	}
}

func TestScreeningInput(t *testing.T) {
	f := newFixture(t)
	admin := tokenFor(t, "root", roleAdmin)
	replace := func(old, with string) string { return strings.Replace(newScreening(), old, with, 1) }
	for i, body := range []string{
		`{}`, replace(`"Heat"`, `""`), replace(`"Heat"`, `"`+strings.Repeat("x", 256)+`"`), replace(`"Heat"`, `"a\u0000b"`),
		replace(`"Hall 2"`, `"a\nb"`), replace(`"Hall 2"`, `"a\u0085b"`), replace(`4900`, `0`), replace(`4900`, `-1`), replace(`4900`, `10000000001`),
		replace(`"CNY"`, `"cny"`), replace(`"CNY"`, `"CNYX"`), replace(`"CNY"`, `""`), replace(`:7,`, `:0,`),
		replace(`:7,`, `:100000001,`), replace(`2026-11-25`, `2026-12-25`), replace(`2026-11-25T00:00:00Z`, `2026-12-01T00:00:00Z`),
		replace(`2026-11-25`, `1969-11-25`), replace(`2026-12-01T18`, `9999-12-01T18`), replace(`limit":2`, `limit":-1`),
		replace(`2026-11-25T00:00:00Z`, `2026-12-01T00:00:00.0001Z`), replace(`2026-12-01T00:00:00Z`, `2026-11-25T00:00:00.0009Z`),
	} {
		w := f.send(t, ask{method: "POST", path: "/v1/screenings", token: admin, body: body})
		if detail := wantProblem(t, w, 422, "invalid_request"); strings.HasPrefix(detail, "A value") {
			t.Errorf("%d: %s does not say what is wrong", i, detail)
		}
	}
	for _, body := range []string{
		replace(`2026-11-25T00:00:00Z`, `tomorrow`), replace(`:7,`, `:7.5,`), replace(`:7,`, `:7,"available":3,`),
		replace(`:4900,`, `:4900,"scale":2,`), replace(`{"amount":4900,"currency":"CNY"}`, `49`),
	} {
		w := f.send(t, ask{method: "POST", path: "/v1/screenings", token: admin, body: body})
		wantProblem(t, w, 400, "invalid_request")
	}
	for body, status := range map[string]int{
		`{}`: 422, `null`: 400, `{"capacity":null}`: 400, `{"capacity":5,"per_user_limit":null}`: 400,
		`{"capacity":0}`: 422, `{"capacity":100000001}`: 422,
		`{"capacity":"9"}`: 400, `{"movie":""}`: 422, `{"venue":"a\nb"}`: 422, `{"movie":"a\u009fb"}`: 422,
		`{"price":{"amount":0,"currency":"CNY"}}`: 422,
		`{"price":{"amount":1,"currency":"cny"}}`: 422, `{"price":{"amount":1}}`: 422, `{"price":{"amount":1,"currency":"CNY","x":1}}`: 400,
		`{"starts_at":"1960-01-01T00:00:00Z"}`: 422, `{"paused":"yes"}`: 400, `{"paused":null}`: 400, `{"note":"nothing else"}`: 422,
		`{"paused":true,"note":"a\nb"}`: 422, `{"cancelled":true}`: 400, `{"description":"a\u0000b"}`: 422,
		`{"description":"` + strings.Repeat("x", stock.DescriptionMax+1) + `"}`: 422,
		`{"poster_url":"http://x.example/a.jpg"}`:                               422,
		`{"poster_url":"javascript:alert(1)"}`:                                  422, `{"map_url":"https:///no-host"}`: 422,
		`{"map_url":"https://user:pass@x.example/"}`: 422, `{"map_url":"https://x.example/a b"}`: 422,
		`{"map_url":"https://x.example/` + strings.Repeat("x", stock.URLMax) + `"}`: 422,
		`{"late_payment":"keep"}`: 422, `{"late_payment":""}`: 422, `{"late_payment":null}`: 400, `{"late_payment":true}`: 400,
		`{"sale_opens_at":"1960-01-01T00:00:00Z"}`: 422, `{"sale_opens_at":""}`: 400,
		`{"sale_opens_at":"2026-01-02T00:00:00Z","sale_closes_at":"2026-01-01T00:00:00Z"}`: 422,
	} {
		w := f.send(t, ask{method: "PATCH", path: "/v1/screenings/scr-1", token: admin, body: body})
		wantProblem(t, w, status, "invalid_request")
	}
	f.stock.changeScreening = func(string, stock.ScreeningChange) (stock.Screening, error) {
		return stock.Screening{}, stock.InvalidFieldError{Field: stock.FieldSaleWindow}
	}
	w := f.send(t, ask{method: "PATCH", path: "/v1/screenings/scr-1", token: admin, body: `{"sale_closes_at":"2020-01-01T00:00:00Z"}`})
	if detail := wantProblem(t, w, 422, "invalid_request"); detail != "sale_opens_at must be before sale_closes_at." {
		t.Errorf("detail is %q", detail)
	}
}

// JSON names matched in any case and the last of two won, so that a proxy and the office could read different things; a
// time of T5:00:00Z was taken, and 37.0, which is an integer by JSON Schema, was not.
func TestBodiesAreReadStrictly(t *testing.T) {
	table, err := newProblemTable()
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"quantity":2}`: "", `{"quantity":2.0}`: "", `{"quantity":20e-1}`: "", `{"quantity":0.2E1}`: "", " {\"quantity\" : 2}\n": "",
		`{"Quantity":2}`:                   `field "Quantity" is not known`,
		`{"quantity":1,"quantity":2}`:      `field "quantity" is given twice`,
		`{"quantity":1,"QUANTITY":2}`:      `field "QUANTITY" is not known`,
		`{"quantity":2.5}`:                 `field "quantity" must be a whole number`,
		`{"quantity":1e400}`:               `field "quantity" must be a whole number`,
		`{"quantity":1e999999999}`:         `field "quantity" must be a whole number`,
		`{"quantity":9223372036854775808}`: `field "quantity" must be a whole number`,
		`{"quantity":null}`:                `field "quantity" cannot be null`,
		`{"quantity":"2"}`:                 `field "quantity" cannot be a JSON string`,
		`{"quantity":2}{}`:                 "not one JSON value",
		`{"quantity":2`:                    "ends in the middle",
		``:                                 "is empty",
		"{\"quantity\":2,\"\xff\":1}":      "not one JSON value",
	} {
		var got purchaseBody
		err := decodeStrictly([]byte(body), &got)
		if want == "" && (err != nil || got.Quantity != 2) {
			t.Errorf("%s: %d, %v, want 2", body, got.Quantity, err)
		}
		if _, detail := table.find(err); want != "" && !strings.Contains(detail, want) {
			t.Errorf("%s: %q, want %q", body, detail, want)
		}
	}
	for _, at := range []string{
		"2026-01-02T5:00:00Z", "2026-01-02T05:00:00,5Z", "2026-01-02 05:00:00Z", "2026-01-02T05:00:00", "2026-01-02T25:00:00Z",
	} {
		var got screeningChangeBody
		err := decodeStrictly([]byte(`{"sale_opens_at":"`+at+`"}`), &got)
		if _, detail := table.find(err); !strings.Contains(detail, `field "sale_opens_at" is no time of RFC 3339`) {
			t.Errorf("%s: %v, %q", at, got.SaleOpensAt, detail)
		}
	}
}

// time.Parse takes an hour of one digit and a comma before the fraction, and it read the times of two queries: an export or a
// curve could begin elsewhere than at the time that whoever asked had in mind.
func TestTimesOfQueriesAreOfRFC3339(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/admin/screenings/" + screeningID + "/sales", "/v1/admin/orders.csv"} {
		for _, name := range []string{"from", "to"} {
			for _, at := range []string{"2026-01-02T5:00:00Z", "2026-01-02T05:00:00,5Z", "2026-01-02T05:00:00", "2026-01-02T25:00:00Z"} {
				w := f.send(t, ask{method: "GET", path: path + "?" + name + "=" + at, token: tokenFor(t, "root", roleAdmin)})
				if detail := wantProblem(t, w, 400, "invalid_request"); !strings.HasPrefix(detail, name+" must be a time of RFC 3339") {
					t.Errorf("%s?%s=%s: %q does not name it", path, name, at, detail)
				}
			}
		}
	}
}

func TestListInput(t *testing.T) {
	f := newFixture(t)
	for path, list := range map[string]string{"/v1/screenings": "screenings", "/v1/orders": "orders"} {
		for query, status := range map[string]int{
			"limit=0": 400, "limit=-1": 400, "limit=101": 400, "limit=": 400, "limit=x": 400, "limit=1.0": 400,
			"limit=99999999999999999999": 400, "limit=1&limit=2": 400, "cursor=a&cursor=b": 400, "cursor=%00": 400,
			"cursor=" + strings.Repeat("c", cursorBytesMax+1): 400, "limit=100": 200, "limit=1&cursor=" + list + ".abc": 200,
			"cursor=" + list + ".": 400, "cursor=" + list + ".%00": 400, "cursor=": 200,
			"other=1": 200, "%zz": 200,
		} {
			w := f.send(t, ask{method: "GET", path: path + "?" + query, token: tokenFor(t, "alice", roleBuyer)})
			if w.Code != status {
				t.Errorf("%s?%s was answered %d %s, want %d", path, query, w.Code, w.Body, status)
			}
		}
	}
	var cursor string
	var limit int
	f.stock.screenings = func(c string, n int) ([]stock.Screening, string, error) {
		cursor, limit = c, n
		return nil, "", nil
	}
	for query, want := range map[string]stock.SaleFilter{"": stock.AnySale, "closed=false": stock.UpcomingSale, "closed=true": stock.ClosedSale} {
		if w := f.send(t, ask{method: "GET", path: "/v1/screenings?" + query}); w.Code != 200 || f.stock.which != want {
			t.Errorf("%q: answered %d, asked for %d, want %d", query, w.Code, f.stock.which, want)
		}
	}
	for _, query := range []string{"closed=", "closed=1", "closed=FALSE", "closed=true&closed=true"} {
		wantProblem(t, f.send(t, ask{method: "GET", path: "/v1/screenings?" + query}), 400, "invalid_request")
	}
	w := f.send(t, ask{method: "GET", path: "/v1/screenings?cursor=screenings.abc"})
	if cursor != "abc" || limit != 0 || w.Body.String() != `{"items":[],"next_cursor":null}` {
		t.Errorf("asked for %q, %d and answered %s", cursor, limit, w.Body)
	}
}

func TestPathInput(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{
		"/v1/screenings/", "/v1/screenings/x%2Fy", "/v1/screenings/" + strings.Repeat("x", 65), "/v1/screenings/%00",
		"/v1/screenings/%ff", "/v1/orders/", "/v1/orders/..%2f..%2fetc", "/v1/orders/" + strings.Repeat("x", 10000),
		"/web/", "/web/../api.go", "/web/%2e%2e/api.go", "/web/problems.html", "//", "/v1/orders/a/b",
	} {
		w := f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "alice", roleBuyer)})
		wantProblem(t, w, 404, "not_found")
	}
}

// FuzzPurchaseBody: whatever the body, a purchase is either asked for with a quantity in range or refused with 4xx.
func FuzzPurchaseBody(f *testing.F) {
	for _, seed := range []string{
		`{"quantity":1}`, `{"quantity":1}{}`, `{"quantity":1e2}`, `{"QUANTITY":3}`, `null`, `[`, "\xff", `{"quantity":1,"quantity":2}`,
	} {
		f.Add([]byte(seed))
	}
	table, err := newProblemTable()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var body purchaseBody
		err := decodeStrictly(raw, &body)
		if err == nil {
			return
		}
		row, detail := table.find(err)
		if row.kind != malformed || detail == "" || len(detail) > 320 {
			t.Errorf("%q is %s: %s", raw, row.code, detail)
		}
	})
}

// A cursor of another list was answered with "The request cannot be read.", or, where any text was taken for the id of a row,
// with 200 and some page or none.
func TestBadCursorIsNamed(t *testing.T) {
	f := newTicketFixture(t, order.Paid, "")
	f.stock.screenings = func(string, int) ([]stock.Screening, string, error) { return nil, "", keyset.ErrCursorInvalid }
	f.stock.reservations = func(string, string, int) ([]stock.Reservation, string, error) {
		return nil, "", keyset.ErrCursorInvalid
	}
	lists := map[string]string{
		"/v1/screenings": "screenings", "/v1/orders": "orders", "/v1/admin/orders": "all-orders", "/v1/admin/acts": "acts",
		"/v1/admin/refunds": "refunds", "/v1/admin/payments/parked": "parked", "/v1/admin/dead-letters": "dead-letters",
		"/v1/admin/payments/reused":                  "reused",
		"/v1/screenings/" + screeningID + "/tickets": "tickets",
	}
	f.desk.search = func(string, int) ([]inquiry.Found, string, error) { return nil, "", keyset.ErrCursorInvalid }
	for path, mine := range lists {
		cursors := []string{"abc", "zzz", "1795176000250.pay_1"}
		for _, other := range lists {
			if other != mine {
				cursors = append(cursors, other+".rf_1", other+".1795176000250.pay_1")
			}
		}
		if mine == "screenings" || mine == "orders" || mine == "all-orders" || mine == "dead-letters" || mine == "reused" {
			cursors = append(cursors, mine+".zzz") // which the service does not know, or there is no further page
		}
		token := tokenFor(t, "root", roleAdmin)
		switch mine {
		case "orders":
			token = tokenFor(t, "alice", roleBuyer)
		case "tickets":
			token = tokenFor(t, "sam", roleStaff)
		}
		for _, cursor := range cursors {
			w := f.send(t, ask{method: "GET", path: path + "?cursor=" + cursor, token: token})
			if detail := wantProblem(t, w, 400, "invalid_request"); !strings.Contains(detail, "cursor") {
				t.Errorf("%s?cursor=%s: %q does not name the cursor", path, cursor, detail)
			}
		}
	}
}

// The document's example of an id had a letter that no id has.
func TestExamplesOfTheDocumentAreValid(t *testing.T) {
	schemas := specDocument(t).Components.Schemas
	checked := 0
	for name, schema := range schemas {
		for property, inner := range schema.Value.Properties {
			checked += checkExamples(t, name+"."+property, inner.Value)
		}
		checked += checkExamples(t, name, schema.Value)
	}
	if checked < 5 {
		t.Errorf("%d examples were found", checked)
	}
	for _, id := range schemas["ID"].Value.Examples {
		if raw, err := base32.HexEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(id.(string))); err != nil || len(raw) != 16 {
			t.Errorf("id %q is none that we make: %v", id, err)
		}
	}
}

func checkExamples(t *testing.T, name string, schema *openapi3.Schema) int {
	t.Helper()
	list := schema.Examples
	for _, example := range list {
		if err := schema.VisitJSON(example); err != nil {
			t.Errorf("example %v of %s: %v", example, name, err)
		}
		if text, isText := example.(string); isText && schema.Format == "date-time" {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				t.Errorf("example of %s: %v", name, err)
			}
		}
	}
	return len(list)
}
