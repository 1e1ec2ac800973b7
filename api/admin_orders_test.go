package api

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"boxoffice/common/audit"
	"boxoffice/common/keyset"
	"boxoffice/doctor"
	"boxoffice/inquiry"
)

func (f *fixture) asAdmin(t *testing.T, method, path, body string) string {
	t.Helper()
	w := f.send(t, ask{method: method, path: path, body: body, token: tokenFor(t, "root", roleAdmin)})
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s answered %d %s", method, path, w.Code, w.Body)
	}
	return w.Body.String()
}

func TestSearchPassesItsParametersOn(t *testing.T) {
	f := newFixture(t)
	var cursor string
	var limit int
	f.desk.search = func(c string, n int) ([]inquiry.Found, string, error) { cursor, limit = c, n; return nil, "", nil }
	const query = "&payment=stripe:pi_1&buyer=alice&screening=scr-1&state=reserved&cursor=all-orders.abc&limit=7"
	body := f.asAdmin(t, "GET", "/v1/admin/orders?id="+orderID+query, "")
	want := inquiry.Filter{OrderID: orderID, PaymentID: "stripe:pi_1", BuyerID: "alice", ScreeningID: "scr-1", Status: inquiry.Reserved}
	if f.desk.filter != want || cursor != "abc" || limit != 7 || body != `{"items":[],"next_cursor":null}` {
		t.Errorf("asked for %+v, %q, %d, and answered %s", f.desk.filter, cursor, limit, body)
	}
	f.asAdmin(t, "GET", "/v1/admin/orders?id=&payment=&buyer=&screening=&state=", "")
	if f.desk.filter != (inquiry.Filter{}) || limit != limitDefault {
		t.Errorf("empty parameters ask for %+v, %d", f.desk.filter, limit)
	}
}

func TestBadSearches(t *testing.T) {
	f := newFixture(t)
	f.desk.search = func(cursor string, _ int) ([]inquiry.Found, string, error) {
		if cursor != "" {
			return nil, "", keyset.ErrCursorInvalid
		}
		return nil, "", nil
	}
	for query, names := range map[string]string{
		"state=lost": "state", "state=PAID": "state", "state=paid&state=paid": "state", "id=a%20b": "id", "id=" + strings.Repeat("x", 65): "id",
		"payment=%00": "payment", "payment=" + strings.Repeat("x", 256): "payment", "buyer=%20alice": "buyer", "screening=a'b": "screening",
		"cursor=foreign": "cursor", "cursor=all-orders.foreign": "cursor", "cursor=%00": "cursor",
		"limit=0": "limit", "limit=101": "limit", "limit=x": "limit",
	} {
		w := f.send(t, ask{method: "GET", path: "/v1/admin/orders?" + query, token: tokenFor(t, "root", roleAdmin)})
		if detail := wantProblem(t, w, 400, "invalid_request"); !strings.Contains(detail, names) {
			t.Errorf("%s: %q does not name %s", query, detail, names)
		}
	}
	for query, names := range map[string]string{
		"state=lost": "state", "from=yesterday": "from", "to=2026-11-20": "to", "from=1960-01-01T00:00:00Z": "from",
		"from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z": "after", "bom=yes": "bom", "bom=true&bom=true": "bom",
		"to=2026-11-20T00:00:00Z&to=2026-11-20T00:00:00Z": "to", "buyer=alice": "export", "from=2026-11-20T00:00:00+08:00": "%2B",
	} {
		w := f.send(t, ask{method: "GET", path: "/v1/admin/orders.csv?" + query, token: tokenFor(t, "root", roleAdmin)})
		if detail := wantProblem(t, w, 400, "invalid_request"); !strings.Contains(detail, names) {
			t.Errorf("export, %s: %q does not say %s", query, detail, names)
		}
	}
}

// What is not there yet is null, and money alone is shown too.
func TestDossierAnswers(t *testing.T) {
	f := newFixture(t)
	path := "/v1/admin/orders/" + orderID
	for what, c := range map[string]struct {
		change func(*inquiry.Dossier)
		want   string
	}{
		"reserved": {func(d *inquiry.Dossier) { d.Order = nil }, `"record":null`},
		"money":    {func(d *inquiry.Dossier) { d.Order, d.Reservation = nil, nil }, `"order":null,"reservation":null,"record":null`},
		"archived": {func(d *inquiry.Dossier) { d.File = "archive/x.jsonl.gz" }, `"archive_file":"archive/x.jsonl.gz"`},
		"reused":   {func(*inquiry.Dossier) {}, `"result":"id_reused"`},
		"asked": {func(d *inquiry.Dossier) { d.Order.AskUntil = testNow().UnixMilli() },
			`"ask_until":"2026-11-20T12:00:00.250Z"`},
	} {
		f.desk.dossier = func(string) (inquiry.Dossier, error) {
			d := testDossier()
			c.change(&d)
			return d, nil
		}
		if body := f.asAdmin(t, "GET", path, ""); !strings.Contains(body, c.want) {
			t.Errorf("%s: %s lacks %s", what, body, c.want)
		}
	}
	f.desk.dossier = func(string) (inquiry.Dossier, error) {
		return inquiry.Dossier{}, inquiry.ArchivedError{Files: []string{"archive/x.jsonl.gz"}}
	}
	f.desk.history = func(string) (inquiry.History, error) {
		return inquiry.History{}, inquiry.ArchivedError{Files: []string{"archive/x.jsonl.gz"}}
	}
	for _, p := range []string{path, path + "/timeline"} {
		w := f.send(t, ask{method: "GET", path: p, token: tokenFor(t, "root", roleAdmin)})
		if detail := wantProblem(t, w, 409, "order_archived"); !strings.Contains(detail, "archive/x.jsonl.gz") {
			t.Errorf("%s: %q does not name the file", p, detail)
		}
	}
	wantProblem(t, f.send(t, ask{method: "GET", path: "/v1/admin/orders/a%20b", token: tokenFor(t, "root", roleAdmin)}), 404, "not_found")
}

func TestFindingsAreBounded(t *testing.T) {
	f := newFixture(t)
	trouble := f.doctor.report.Troubles[0]
	for range 3 * findingsMax {
		f.doctor.report.Troubles = append(f.doctor.report.Troubles, trouble)
		f.doctor.report.Notes = append(f.doctor.report.Notes, f.doctor.report.Notes[0])
	}
	f.doctor.report.Troubles = append(f.doctor.report.Troubles, doctor.Trouble{Kind: doctor.Contradiction, ID: "x", Detail: "y"})
	f.doctor.report.Counts[doctor.MissingOrder] = 3*findingsMax + 1
	f.doctor.report.Unfinished = true
	var got findingsAnswer
	if err := json.Unmarshal([]byte(f.asAdmin(t, "GET", "/v1/admin/findings", "")), &got); err != nil {
		t.Fatal(err)
	}
	last := got.Findings[len(got.Findings)-1]
	if first := got.Findings[0]; len(first.Said) != 1 || first.Said[0].Code != "reserved_without_order" ||
		first.RemedySaid == nil || first.RemedySaid.Code != "publish_again" || last.RemedySaid != nil {
		t.Errorf("told by codes %+v, %+v", first, last)
	}
	if len(got.Findings) != findingsMax+1 || last.Remedy != nil || len(got.Notes) != findingsMax || got.Complete || got.Healthy ||
		got.Counts[doctor.MissingOrder] != 3*findingsMax+1 {
		t.Errorf("%d findings, the last %+v, %d notes, complete %v, healthy %v, counts %v",
			len(got.Findings), last, len(got.Notes), got.Complete, got.Healthy, got.Counts)
	}
}

func TestFixPassesOnWhatAndWho(t *testing.T) {
	f := newFixture(t)
	f.doctor.mended = doctor.Mended{Done: make([]string, 2*mendedMax), Unfinished: true}
	body := f.asAdmin(t, "POST", "/v1/admin/findings/fix", `{"kind":"reservation_without_order","id":"o-1","note":"lost"}`)
	which, act := doctor.Selection{Kind: doctor.MissingOrder, ID: "o-1"}, audit.Act{Actor: "root", Note: "lost"}
	if f.doctor.which != which || f.doctor.act != act {
		t.Errorf("asked for %+v by %+v", f.doctor.which, f.doctor.act)
	}
	var got mendedAnswer
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Done != 2*mendedMax || len(got.First) != mendedMax || got.Complete {
		t.Errorf("answered %d done, %d in words, complete %v, %v", got.Done, len(got.First), got.Complete, err)
	}
	for body, status := range map[string]int{
		`{"kind":"dead_letter"}`: 422, `{"note":"x"}`: 422, `{"kind":"dead_letter","note":" "}`: 422, `{"kind":"a","id":"\u0000","note":"x"}`: 422,
		`{"kind":"a","note":"x","all":true}`: 400, `{"kind":7,"note":"x"}`: 400,
	} {
		w := f.send(t, ask{method: "POST", path: "/v1/admin/findings/fix", body: body, token: tokenFor(t, "root", roleAdmin)})
		wantProblem(t, w, status, "invalid_request")
	}
	for err, want := range map[error]struct {
		status int
		code   string
	}{doctor.ErrNoTrouble: {404, "not_found"}, doctor.ErrNoRemedy: {409, "no_remedy"}, doctor.ErrQueueAway: {503, "unavailable"}} {
		f.doctor.err = err
		w := f.send(t, ask{method: "POST", path: "/v1/admin/findings/fix", body: `{"kind":"a","note":"x"}`, token: tokenFor(t, "root", roleAdmin)})
		wantProblem(t, w, want.status, want.code)
	}
}

// Without the parts behind them the routes do not exist.
func TestOperatorsRoutesNeedTheirParts(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Operators = nil })
	for _, path := range []string{"/v1/admin/orders", "/v1/admin/orders.csv", "/v1/admin/findings", "/v1/admin/processes"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+tokenFor(t, "root", roleAdmin))
		f.handler.ServeHTTP(w, r)
		wantProblem(t, w, 404, "not_found")
	}
}

func TestTimelineAnswers(t *testing.T) {
	f := newFixture(t)
	want := `{"id":"` + orderID + `","entries":[{"at":"2026-11-20T12:00:00.250Z","what":"half_message_sent","detail":"transaction t",` +
		`"source":"message","process":"10.0.0.1, pid 7","planned":false,"said":[{"code":"transaction",` +
		`"values":{"id":"t"}}]},{"at":"2026-11-20T12:00:00.250Z","what":"payment_due",` +
		`"detail":"unpaid","source":"order","process":null,"planned":true,"said":[]}],"message":"found","server_time":"2026-11-20T12:00:00.250Z"}`
	if got := f.asAdmin(t, "GET", "/v1/admin/orders/"+orderID+"/timeline", ""); got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
}

// A page decides by these words, and the document is where it learns them.
func TestWordsOfOperatorsAreDocumented(t *testing.T) {
	schemas := specDocument(t).Components.Schemas
	entry := schemas["Timeline"].Value.Properties["entries"].Value.Items.Value
	for file, c := range map[string]struct {
		kind       string // of the constants; empty for those of every type
		documented []any
	}{
		"../inquiry/entry.go": {"", slices.Concat(entry.Properties["what"].Value.Enum, entry.Properties["source"].Value.Enum)},
		"../doctor/report.go": {"Kind", schemas["FindingKind"].Value.Enum},
	} {
		var documented []string
		for _, value := range c.documented {
			documented = append(documented, value.(string))
		}
		words := textConstants(t, file, c.kind)
		slices.Sort(words)
		slices.Sort(documented)
		if !slices.Equal(words, documented) {
			t.Errorf("%s: words\n%q\ndocumented\n%q", file, words, documented)
		}
	}
}

// textConstants are the values of a file's constants of a type.
func textConstants(t *testing.T, file, kind string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range parsed.Decls {
		group, ok := declared.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			one := spec.(*ast.ValueSpec)
			named, _ := one.Type.(*ast.Ident)
			if literal, ok := one.Values[0].(*ast.BasicLit); ok && (kind == "" || named != nil && named.Name == kind) {
				values = append(values, strings.Trim(literal.Value, `"`))
			}
		}
	}
	return values
}
