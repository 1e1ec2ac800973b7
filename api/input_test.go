package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

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
		"simulate payment": {method: "POST", path: "/v1/dev/payments", body: `{"order_id":"` + orderID + `"}`, token: tokenFor(t, "alice", roleBuyer)},
	} {
		t.Run(name, func(t *testing.T) {
			for what, bad := range badBodies(a.body) {
				broken := a
				broken.body = bad.body
				w := f.send(t, broken)
				if detail := wantProblem(t, w, bad.status, bad.code); len(detail) > 2*detailBytesMax {
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
		{func(a *ask) { a.body = `null` }, 422, "invalid_request"},
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
		replace(`"Hall 2"`, `"a\nb"`), replace(`4900`, `0`), replace(`4900`, `-1`), replace(`4900`, `10000000001`),
		replace(`"CNY"`, `"cny"`), replace(`"CNY"`, `"CNYX"`), replace(`"CNY"`, `""`), replace(`:7,`, `:0,`),
		replace(`:7,`, `:1000001,`), replace(`2026-11-25`, `2026-12-25`), replace(`2026-11-25T00:00:00Z`, `2026-12-01T00:00:00Z`),
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
		`{}`: 422, `null`: 422, `{"capacity":null}`: 422, `{"capacity":0}`: 422, `{"capacity":1000001}`: 422,
		`{"capacity":"9"}`: 400, `{"movie":"Other"}`: 400, `{"price":{"amount":1,"currency":"CNY"}}`: 400,
		`{"sale_opens_at":"1960-01-01T00:00:00Z"}`: 422, `{"sale_opens_at":""}`: 400,
		`{"sale_opens_at":"2026-01-02T00:00:00Z","sale_closes_at":"2026-01-01T00:00:00Z"}`: 422,
	} {
		w := f.send(t, ask{method: "PATCH", path: "/v1/screenings/scr-1", token: admin, body: body})
		wantProblem(t, w, status, "invalid_request")
	}
	f.stock.changeScreening = func(string, stock.ScreeningChange) (stock.Screening, error) {
		return stock.Screening{}, fmt.Errorf("%w: sale window", stock.ErrInvalid)
	}
	w := f.send(t, ask{method: "PATCH", path: "/v1/screenings/scr-1", token: admin, body: `{"sale_closes_at":"2020-01-01T00:00:00Z"}`})
	if detail := wantProblem(t, w, 422, "invalid_request"); detail != wrongWindow {
		t.Errorf("detail is %q", detail)
	}
}

func TestListInput(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/screenings", "/v1/orders"} {
		for query, status := range map[string]int{
			"limit=0": 400, "limit=-1": 400, "limit=101": 400, "limit=": 400, "limit=x": 400, "limit=1.0": 400,
			"limit=99999999999999999999": 400, "limit=1&limit=2": 400, "cursor=a&cursor=b": 400, "cursor=%00": 400,
			"cursor=" + strings.Repeat("c", 257): 400, "limit=100": 200, "limit=1&cursor=abc": 200, "cursor=": 200,
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
	w := f.send(t, ask{method: "GET", path: "/v1/screenings?cursor=abc"})
	if cursor != "abc" || limit != limitDefault || w.Body.String() != `{"items":[],"next_cursor":null}` {
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
	for _, seed := range []string{`{"quantity":1}`, `{"quantity":1}{}`, `{"quantity":1e2}`, `{"QUANTITY":3}`, `null`, `[`, "\xff", `{"quantity":1,"quantity":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var body purchaseBody
		err := decodeStrictly(raw, &body)
		if err == nil {
			return
		}
		row, detail := newProblemTable().find(err)
		if row.kind != malformed || detail == "" || len(detail) > 2*detailBytesMax {
			t.Errorf("%q is %s: %s", raw, row.code, detail)
		}
	})
}
