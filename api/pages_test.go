package api

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"boxoffice/stock"
)

// servedFiles lists the paths of the pages' files.
func servedFiles(t *testing.T) (paths []string) {
	t.Helper()
	texts, err := readPageTexts()
	if err != nil {
		t.Fatal(err)
	}
	static, err := staticFiles(texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range static {
		paths = append(paths, file.path)
	}
	return paths
}

func shopPaths() []string { return []string{"/", "/s/" + screeningID, "/o/" + orderID, "/orders"} }

// A shop without TLS, as a demo is, has a payment provider without it: a form could not be posted there.
func TestFormsGoOverTLSFromAShopOverTLS(t *testing.T) {
	for publicURL, want := range map[string]string{
		"": "form-action https: http:;", "http://127.0.0.1:8080": "form-action https: http:;", "https://shop.example": "form-action https:;",
	} {
		f := newFixture(t, func(o *Options) { o.PublicURL = publicURL })
		if policy := f.send(t, ask{method: "GET", path: "/"}).Header().Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("%q: the policy is %q, want %q", publicURL, policy, want)
		}
	}
}

// The headers are lists that a change must not shorten by accident. A page needs more of them than JSON, which no browser
// shows or runs.
func TestSecurityHeaders(t *testing.T) {
	f := newFixture(t, withTickets(t), func(o *Options) { o.PublicURL = "https://shop.example" })
	always := map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
	kept := map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
	policy := func(images string) map[string]string {
		return map[string]string{
			"Content-Security-Policy": "default-src 'self'; img-src 'self' data:" + images + "; base-uri 'none'; form-action https:; " +
				"frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		}
	}
	want := func(path string, lists ...map[string]string) {
		t.Helper()
		h := f.send(t, ask{method: "GET", path: path}).Header()
		for _, list := range lists {
			for name, value := range list {
				if got := h.Get(name); got != value {
					t.Errorf("%s: %s is %q, want %q", path, name, got, value)
				}
			}
		}
		if got := h.Get("Server"); got != "" {
			t.Errorf("%s: Server says %q", path, got)
		}
	}
	for _, path := range []string{"/v1/screenings", "/v1/screenings/none", "/v1/orders", "/nowhere"} {
		want(path, always)
	}
	for _, path := range shopPaths() {
		want(path, always, policy(" https:"))
	}
	for _, path := range []string{"/admin", "/problems", "/tickets", "/check-in"} {
		want(path, always, policy(""))
	}
	want("/openapi.yaml", always, policy(""))
	for _, path := range servedFiles(t) {
		if strings.HasSuffix(path, ".js") || strings.HasSuffix(path, ".css") { // the policy of the page holds there
			want(path, kept, map[string]string{"Cross-Origin-Resource-Policy": "same-origin"})
		} else {
			want(path, kept, policy(""))
		}
	}
}

// What the policy forbids would be found by nobody but a browser.
func TestPagesKeepTheirPolicy(t *testing.T) {
	forbidden := regexp.MustCompile(
		`(?i)<script>|<script [^>]*>[^<]|\son\w+=["']|style="|https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(`)
	f := newFixture(t, withTickets(t))
	for _, path := range slices.Concat(shopPaths(), []string{"/admin", "/problems", "/tickets", "/check-in"}, servedFiles(t)) {
		if strings.HasPrefix(path, "/web/jsqr/") { // whose comments have addresses
			continue
		}
		w := f.send(t, ask{method: "GET", path: path})
		body := strings.ReplaceAll(w.Body.String(), "http://www.w3.org/2000/svg", "")
		body = strings.ReplaceAll(body, `startsWith("https://")`, "") // of a poster and a map
		body = strings.ReplaceAll(body, `<meta property="og:image" content="https://`, "")
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: %d with %d bytes", path, w.Code, w.Body.Len())
		}
		if found := forbidden.FindString(body); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
	}
}

// A browser that has a file is not sent it again, and one that has another version is.
func TestFilesAreSentOnce(t *testing.T) {
	f := newFixture(t)
	first := f.send(t, ask{method: "GET", path: "/web/app.js"})
	tag := first.Header().Get("Etag")
	again := f.send(t, ask{method: "GET", path: "/web/app.js", header: http.Header{"If-None-Match": {tag}}})
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("with its tag: %d and %d bytes", again.Code, again.Body.Len())
	}
	if old := f.send(t, ask{method: "GET", path: "/web/app.js", header: http.Header{"If-None-Match": {`"old"`}}}); old.Code != http.StatusOK {
		t.Errorf("with an old tag: %d", old.Code)
	}
}

// Scripts and styles are sent compressed to who can read that, and as they are to others; caches are told that they differ.
func TestFilesAreSentCompressed(t *testing.T) {
	f := newFixture(t)
	get := func(accepts, tag string) *httptest.ResponseRecorder {
		return f.send(t, ask{method: "GET", path: "/web/app.js", header: http.Header{"Accept-Encoding": {accepts}, "If-None-Match": {tag}}})
	}
	plain := get("", "").Body.String()
	for _, accepts := range []string{"identity", "br", "gzip;q=0", "gzip; q=0.000", "xgzip", "br, gzip;q=0"} {
		w := get(accepts, "")
		h := w.Header()
		if w.Body.String() != plain || h.Get("Content-Encoding") != "" || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("to who accepts %q: %d bytes as %q, which vary by %q", accepts, w.Body.Len(), h.Get("Content-Encoding"), h.Get("Vary"))
		}
	}
	for _, accepts := range []string{"gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.8", "gzip; q=0.001"} {
		w := get(accepts, "")
		if w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Fatalf("to who accepts %q: as %q", accepts, w.Header().Get("Content-Encoding"))
		}
		unpacked, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(unpacked); err != nil || string(content) != plain {
			t.Errorf("unpacked it is another file (%v):\n%s", err, content)
		}
		tag := w.Header().Get("Etag")
		if again := get(accepts, tag); again.Code != http.StatusNotModified {
			t.Errorf("with its tag: %d", again.Code)
		}
		if other := get("identity", tag); other.Code != http.StatusOK {
			t.Errorf("who cannot read it is told by its tag to have it: %d", other.Code)
		}
	}
}

// A link that is shared shows the title of its screening, also one that looks like a tag.
func TestScreeningPageSaysWhatItIs(t *testing.T) {
	f := newFixture(t)
	page := func(language string) string {
		return f.send(t, ask{method: "GET", path: "/s/" + screeningID, header: http.Header{"Accept-Language": {language}}}).Body.String()
	}
	f.stock.screening = func(string) (stock.Screening, error) {
		return stock.Screening{
			ID: screeningID, Movie: "<b>\"\u82b1\u6837\u5e74\u534e\"</b>", Venue: "Rex", Texts: stock.Texts{PosterURL: "https://x.example/1.png"},
		}, nil
	}
	for language, want := range map[string][]string{
		"en-GB,en;q=0.9": {
			`<html lang="en">`, "<title>&lt;b&gt;&#34;\u82b1\u6837\u5e74\u534e&#34;&lt;/b&gt;</title>",
			`<meta property="og:title" content="&lt;b`, `at Rex: tickets`, `<meta property="og:image" content="https://x.example/1.png">`,
		},
		"zh-TW,zh;q=0.9": {`<html lang="zh-CN">`, "Rex\u3002\u552e\u5b8c\u5373\u6b62"},
	} {
		got := page(language)
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %s is not in\n%s", language, part, got)
			}
		}
	}
	for _, test := range []struct {
		err    error
		status int
	}{{stock.ErrScreeningNotFound, 404}, {stock.ErrUnavailable, 200}} {
		f.stock.screening = func(string) (stock.Screening, error) { return stock.Screening{}, test.err }
		w := f.send(t, ask{method: "GET", path: "/s/" + screeningID})
		if w.Code != test.status || !strings.Contains(w.Body.String(), `src="/web/app.js"`) {
			t.Errorf("%v: %d %s, want %d with the page", test.err, w.Code, w.Body, test.status)
		}
	}
	if w := f.send(t, ask{method: "GET", path: "/s/%00"}); w.Code != 404 {
		t.Errorf("an id that cannot be: %d", w.Code)
	}
}

// The switch of the page wins over what the browser asks for.
func TestLanguageOfThePages(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct{ accept, cookie, want string }{
		{"", "", "en"}, {"fr", "", "en"}, {"fr, zh;q=0.5, en;q=0.1", "", "zh-CN"}, {"zh-Hans-CN", "", "zh-CN"}, {"en;q=0.9, zh", "", "zh-CN"},
		{"zh", "language=en", "en"}, {"en", "language=zh", "zh-CN"}, {"zh", "language=xx", "zh-CN"}, {"%%;;,", "", "en"},
	} {
		w := f.send(t, ask{method: "GET", path: "/problems", header: http.Header{"Accept-Language": {test.accept}, "Cookie": {test.cookie}}})
		if want := `<html lang="` + test.want + `">`; !strings.Contains(w.Body.String(), want) {
			t.Errorf("%+v: %.60s", test, w.Body)
		}
		if w.Header().Get("Vary") != "Accept-Language, Cookie" {
			t.Errorf("Vary is %q", w.Header().Get("Vary"))
		}
	}
}

// The modules of the page are named in its head, so that a phone does not find them one after the other.
func TestPageNamesItsModules(t *testing.T) {
	f := newFixture(t)
	page := f.send(t, ask{method: "GET", path: "/"}).Body.String()
	for _, name := range []string{"app.js", "i18n.js", "catalogues.js", "order_words.js"} {
		if !strings.Contains(page, `<link rel="modulepreload" href="/web/`+name+`">`) {
			t.Errorf("%s is not named", name)
		}
	}
}

// catalogue reads the texts of a language: those with one form, and those by plural rule.
func catalogue(t *testing.T, name string) map[string][]string {
	t.Helper()
	raw, err := files.ReadFile("web/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var entries map[string]any
	if err := json.Unmarshal(raw, &entries); err != nil {
		t.Fatal(err)
	}
	forms := map[string][]string{}
	for key, entry := range entries {
		switch entry := entry.(type) {
		case string:
			forms[key] = []string{entry}
		case map[string]any:
			if entry["other"] == nil {
				t.Errorf("%s: %s has no form \"other\"", name, key)
			}
			for _, form := range slices.Sorted(maps.Keys(entry)) {
				forms[key] = append(forms[key], entry[form].(string))
			}
		}
	}
	return forms
}

// A text that one language lacks would be shown as its key.
func TestCataloguesHaveTheSameTexts(t *testing.T) {
	place := regexp.MustCompile(`\{\w+\}`)
	reference := catalogue(t, english)
	for _, name := range languages() {
		texts := catalogue(t, name)
		for key := range reference {
			if len(texts[key]) == 0 {
				t.Errorf("%s lacks %s", name, key)
			}
		}
		for key, forms := range texts {
			if len(reference[key]) == 0 {
				t.Errorf("%s has %s, which %s lacks", name, key, english)
				continue
			}
			for _, form := range forms {
				want, got := place.FindAllString(reference[key][len(reference[key])-1], -1), place.FindAllString(form, -1)
				slices.Sort(want)
				slices.Sort(got)
				if form == "" || !slices.Equal(want, got) {
					t.Errorf("%s: %s is %q, want the places %v", name, key, form, want)
				}
			}
		}
	}
}

// usedTexts finds the keys that scripts, pages and the server use, and the beginnings of those that they put together.
func usedTexts(t *testing.T) (keys, beginnings map[string]bool) {
	t.Helper()
	sources, err := filepath.Glob("web/*.[jh]*")
	if err != nil {
		t.Fatal(err)
	}
	keys, beginnings = map[string]bool{}, map[string]bool{}
	literal := regexp.MustCompile(`"([a-z]+(?:\.[a-z_-]+)?)"`)
	beginning := regexp.MustCompile("`([a-z]+\\.)\\$\\{")
	for _, path := range append(sources, "pages.go") {
		if filepath.Ext(path) == ".json" {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range literal.FindAllSubmatch(source, -1) {
			keys[string(match[1])] = true
		}
		for _, match := range beginning.FindAllSubmatch(source, -1) {
			beginnings[string(match[1])] = true
		}
	}
	return keys, beginnings
}

func TestEveryTextIsUsedAndEveryUseHasOne(t *testing.T) {
	texts := catalogue(t, english)
	keys, beginnings := usedTexts(t)
	for key := range texts {
		group, _, _ := strings.Cut(key, ".")
		if !keys[key] && !beginnings[group+"."] {
			t.Errorf("%s is used nowhere", key)
		}
	}
	groups := map[string]bool{}
	for key := range texts {
		group, _, _ := strings.Cut(key, ".")
		groups[group] = true
	}
	for key := range keys {
		group, _, dotted := strings.Cut(key, ".")
		if dotted && groups[group] && len(texts[key]) == 0 && !slices.Contains([]string{".js", ".html", ".key"}, filepath.Ext(key)) {
			t.Errorf("%s is used and not in the catalogues", key)
		}
	}
}

// A problem that a buyer can meet is told in words; the page of all codes has them in both languages.
func TestProblemsInWords(t *testing.T) {
	texts, err := readPageTexts()
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	for _, row := range problems() {
		codes[row.code] = true
		if words := texts.problems[row.code]; words.Title == "" || words.Detail == "" {
			t.Errorf("problems.zh.json lacks %s", row.code)
		}
	}
	for code := range texts.problems {
		if !codes[code] {
			t.Errorf("problems.zh.json has %s, which is no code", code)
		}
	}
	own := []string{"no_answer", "other", "name_too_long", "bad_token"} // of the page itself
	words := catalogue(t, english)
	for key := range words {
		for _, group := range []string{"problem.", "refused."} {
			if code, found := strings.CutPrefix(key, group); found && !codes[code] && !slices.Contains(own, code) {
				t.Errorf("%s is of no code", key)
			}
		}
	}
	for code := range codes { // at a door they are said in two words
		if (strings.HasPrefix(code, "ticket_") || code == "wrong_screening") && len(words["refused."+code]) == 0 {
			t.Errorf("a door has no words for %s", code)
		}
	}
}

// What the doctor finds is told in the console in words.
func TestFindingsInWords(t *testing.T) {
	document, err := files.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(document), "    FindingKind:\n      type: string\n      enum:\n")
	var kinds []string
	for line := range strings.Lines(list) {
		kind, found := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !found {
			break
		}
		kinds = append(kinds, kind)
	}
	words := catalogue(t, english)
	for _, kind := range kinds {
		if len(words["finding."+kind]) == 0 {
			t.Errorf("there are no words for %s", kind)
		}
	}
	if len(kinds) < 15 {
		t.Errorf("%v are not all kinds", kinds)
	}
}

// The scripts are layers: none imports, by whatever way, itself.
func TestScriptsHaveNoCycles(t *testing.T) {
	texts, err := readPageTexts()
	if err != nil {
		t.Fatal(err)
	}
	static, err := staticFiles(texts)
	if err != nil {
		t.Fatal(err)
	}
	imports := regexp.MustCompile(`(?m)^(?:import|export) [^"]*"\./([\w.-]+)";`)
	state := map[string]int{} // 1: being walked, 2: done
	var walk func(path string) error
	walk = func(path string) error {
		if state[path] == 1 {
			return errors.New(path)
		}
		if state[path] == 2 {
			return nil
		}
		state[path] = 1
		place := slices.IndexFunc(static, func(f staticFile) bool { return f.path == path })
		if place < 0 {
			t.Errorf("%s is imported and not there", path)
			return nil
		}
		for _, match := range imports.FindAllSubmatch(static[place].content, -1) {
			if err := walk("/web/" + string(match[1])); err != nil {
				return err
			}
		}
		state[path] = 2
		return nil
	}
	for _, file := range static {
		if err := walk(file.path); err != nil {
			t.Errorf("a cycle through %v", err)
		}
	}
}

// Whoever typed /admin/ or /index.html read JSON in English. A person gets a page, in the language of the browser; programs still
// get a problem, and nobody is sent to another site.
func TestMistypedAddressesHaveAPage(t *testing.T) {
	f := newFixture(t, withTickets(t))
	get := func(method, path, accept string) (status int, location, body string) {
		r := httptest.NewRequest(method, "http://shop.example"+path, nil) // which no route is for, and openapi.yaml does not name
		r.Header = http.Header{"Accept": {accept}, "Accept-Language": {"zh"}}
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		return w.Code, w.Header().Get("Location"), w.Body.String()
	}
	const browser = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
	const nothing = "<title>\u8fd9\u91cc\u4ec0\u4e48\u90fd\u6ca1\u6709</title>"
	for _, path := range []string{"/index.html", "/nowhere", "/o/", "/s/", "/sign-in", "//evil.example/", "/admin/x", "/orders//"} {
		if status, _, body := get("GET", path, browser); status != 404 || !strings.Contains(body, nothing) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
	for path, want := range map[string]string{
		"/admin/": "/admin", "/orders/": "/orders", "/check-in/": "/check-in", "/tickets/?a=b": "/tickets?a=b", "/problems/": "/problems",
	} {
		if status, location, _ := get("GET", path, browser); status != 308 || location != want {
			t.Errorf("%s: %d to %q, want %s", path, status, location, want)
		}
	}
	for _, test := range []struct{ method, path, accept string }{
		{"GET", "/nowhere", "*/*"}, {"GET", "/v1/nowhere", browser}, {"POST", "/nowhere", browser}, {"GET", "/admin/", "application/json"},
	} {
		if status, _, body := get(test.method, test.path, test.accept); status != 404 || !strings.Contains(body, `"code":"not_found"`) {
			t.Errorf("%+v: %d %.200s", test, status, body)
		}
	}
	for _, path := range []string{"/sign-in", "/sign-in/callback", "/sign-out/callback"} { // which openapi.yaml names, and this office has not
		for accept, kind := range map[string]string{browser: "text/html; charset=UTF-8", "*/*": "application/problem+json"} {
			w := f.send(t, ask{method: "GET", path: path, header: http.Header{"Accept": {accept}}})
			if got := w.Header().Get("Content-Type"); w.Code != 404 || !strings.EqualFold(got, kind) {
				t.Errorf("%s for %s: %d %s", path, accept, w.Code, got)
			}
		}
	}
	if status, _, body := get("GET", "/v1/screenings/", browser); status != 404 || !strings.HasPrefix(body, "{") {
		t.Errorf("the API: %d %.200s", status, body)
	}
}
