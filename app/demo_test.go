//go:build !race

package app

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"boxoffice/broker"
)

// newDemo runs the program as a newcomer does, on free ports and in an empty directory.
func newDemo(t *testing.T) *officeTest {
	t.Helper()
	o := demoToStart(t)
	o.startProgram()
	return o
}

// demoToStart is a demo on free ports and in an empty directory.
func demoToStart(t *testing.T) *officeTest {
	t.Helper()
	o := &officeTest{home: home{dir: t.TempDir()}, t: t, clock: &testClock{}}
	o.env = map[string]string{
		"BOXOFFICE_LISTEN": "127.0.0.1:0", "BOXOFFICE_ADMIN_LISTEN": "127.0.0.1:0", "BOXOFFICE_DATA_DIR": o.dir,
	}
	return o
}

// The lines of the README are run as they are printed, but for the address.
func TestReadmePurchaseLineByLine(t *testing.T) {
	o := newDemo(t)
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(SHOP=.*?)```").FindSubmatch(readme)
	if blocks == nil {
		t.Fatal("README.md has no block that begins with SHOP=")
	}
	script := strings.ReplaceAll(string(blocks[1]), "http://127.0.0.1:8080", o.shop)
	shell := exec.Command("bash", "-eu", "-c", script)
	shell.Stderr = os.Stderr
	printed, err := shell.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	rest := string(printed)
	for _, want := range []string{
		`"casablanca"`, "HTTP/1.1 202 Accepted", "Location: /v1/orders/", `"status":"reserved"`,
		`"quantity":2`, `"payment_id"`, `"status":"paid"`, `"code":"already_paid"`,
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%s does not come in its place in:\n%s", want, printed)
		}
		rest = after
	}
}

// What was paid by POST /v1/dev/payments could not be sent back: the simulator had never seen it, answered 404, and left a demo
// with a refund that needed a person. It goes back, also after a restart.
func TestDemoSendsItsOwnPaymentsBack(t *testing.T) {
	o := demoToStart(t)
	o.start()
	token := func(user, role string) string {
		t.Helper()
		r := o.must("POST", "/v1/dev/tokens", "", fmt.Sprintf(`{"user":%q,"role":%q}`, user, role))
		return decode[struct{ Token string }](t, r).Token
	}
	alice := token("alice", "buyer")
	pay := func(key string) string {
		t.Helper()
		r := o.must("POST", "/v1/screenings/casablanca/orders", alice, `{"quantity":1}`, "Idempotency-Key", key)
		if r.status != http.StatusAccepted {
			t.Fatalf("buy: %d %s", r.status, r.body)
		}
		id := decode[orderJSON](t, r).ID
		o.eventually("the order is there", func() bool {
			r := o.must("POST", "/v1/dev/payments", alice, fmt.Sprintf(`{"order_id":%q}`, id))
			return r.status == http.StatusOK && decode[struct{ Result string }](t, r).Result != "parked"
		})
		return id
	}
	cancel := func(id string) {
		t.Helper()
		r := o.must("POST", "/v1/admin/orders/"+id+"/cancel", token("boss", "admin"), `{"note":"the projector is broken"}`)
		if r.status != http.StatusOK {
			t.Fatalf("cancel: %d %s", r.status, r.body)
		}
		type refund struct{ State, Reason string }
		var items []refund
		o.eventually("the money is back", func() bool {
			r := o.must("GET", "/v1/orders/"+id+"/refunds", alice, "")
			items = decode[struct{ Items []refund }](t, r).Items
			return len(items) == 1 && (items[0].State == "done" || items[0].State == "needs_attention")
		})
		if items[0].State != "done" {
			t.Errorf("the refund is %+v", items[0])
		}
	}
	cancel(pay("one"))
	second := pay("two")
	o.stop()
	o.start()
	cancel(second)
}

// A line that ended in "# comment" failed when it was pasted into zsh, which takes # for a word. It did so in one document
// after the others had been mended: all of them are looked at.
func TestCommandsOfTheReadmesCanBePasted(t *testing.T) {
	commands := map[string]int{}
	for path, text := range sources(t, ".md") {
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, -1) {
			commands[path]++
			if comment := regexp.MustCompile(`(?m)(^|\s)#.*$`).Find(block[1]); comment != nil {
				t.Errorf("%s: %q among commands", path, comment)
			}
		}
	}
	for _, path := range []string{"README.md", "docker/README.md", "BENCHMARKS.md"} {
		if commands[path] == 0 {
			t.Errorf("%s has no commands", path)
		}
	}
}

// "1 troubles", said the doctor, and "1 tickets": a sentence that counts has the number elsewhere, or both forms. So did those
// that name their numbers, "1 payments may still be paid", which are also in the page's English.
func TestNoSentenceCountsOneInThePlural(t *testing.T) {
	const plurals = `(of (its|the) )?(tickets|orders|payments|refunds|times|tries|troubles|screenings|reservations)\b`
	counted := regexp.MustCompile(`"[^"\n]*(%d|\{[a-z_]+\}) ` + plurals)
	english, err := os.ReadFile("../api/web/en.json")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(english)) { // a key with both forms has an object
		if counted.MatchString(line) && !strings.Contains(line, `{"one":`) {
			t.Errorf("en.json: %s", line)
		}
	}
	for path, text := range sources(t, ".go") {
		folder, _, _ := strings.Cut(filepath.ToSlash(path), "/")
		if strings.HasSuffix(path, "_test.go") || folder == "scripts" || folder == "sim" { // whose readers are engineers
			continue
		}
		if found := counted.Find(text); found != nil {
			t.Errorf("%s: %s", path, found)
		}
	}
}

// sources reads the project's files of one kind, by their paths in it.
func sources(t *testing.T, ext string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	project := os.DirFS("..")
	err := fs.WalkDir(project, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != "." {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() || filepath.Ext(path) != ext {
			return err
		}
		found[filepath.FromSlash(path)], err = fs.ReadFile(project, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDemoIsOffOnceASecretIsSet(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/v1/dev/tokens", "/v1/dev/payments"} {
		if r := o.must("POST", path, "", `{"user":"alice","role":"admin"}`); r.status != http.StatusNotFound {
			t.Errorf("POST %s with secrets configured: %d %s, want 404", path, r.status, r.body)
		}
	}
}

func TestOperatorsListener(t *testing.T) {
	o := newOffice(t)
	o.mustBuy("alice", o.addScreening(1, 0), 1)
	shop := o.shop
	o.shop = o.admin
	for path, want := range map[string]string{
		"/livez": `"ok"`, "/readyz": `"message queue"`, "/metrics": "go_goroutines",
	} {
		if r := o.must("GET", path, "", ""); r.status != http.StatusOK || !strings.Contains(string(r.body), want) {
			t.Errorf("GET %s: %d %s, want 200 with %s", path, r.status, r.body, want)
		}
	}
	o.shop = shop
	if r := o.must("GET", "/metrics", "", ""); r.status != http.StatusNotFound {
		t.Errorf("metrics on the public listener: %d, want 404", r.status)
	}
}

// Whatever is thrown at it, the office answers with a problem that has a code, and never with a 500.
func TestBadInputToEveryRoute(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	buyer, admin := bearer(t, "alice", "buyer"), bearer(t, "boss", "admin")
	purchase := "/v1/screenings/" + screening + "/orders"
	key := []string{"Idempotency-Key", "k"}
	for _, test := range []struct {
		method, path, token, body string
		header                    []string
		status                    int
		code                      string
	}{
		{"POST", purchase, "", `{"quantity":1}`, key, 401, "unauthorized"},
		{"POST", purchase, "x.y.z", `{"quantity":1}`, key, 401, "unauthorized"},
		{"POST", purchase, buyer, `{"quantity":1}`, nil, 400, "idempotency_key_missing"},
		{"POST", purchase, buyer, `{"quantity":0}`, key, 422, "invalid_request"},
		{"POST", purchase, buyer, `{"quantity":-1}`, key, 422, "invalid_request"},
		{"POST", purchase, buyer, `{"quantity":1e30}`, key, 400, "invalid_request"},
		{"POST", purchase, buyer, `{"quantity":1,"price":0}`, key, 400, "invalid_request"},
		{"POST", purchase, buyer, `{"quantity":`, key, 400, "invalid_request"},
		{"POST", purchase, buyer, `null`, key, 400, "invalid_request"},
		{"POST", purchase, buyer, `{"quantity":1}` + strings.Repeat(" ", 1<<17), key, 413, "body_too_large"},
		{"POST", "/v1/screenings/none/orders", buyer, `{"quantity":1}`, key, 404, "not_found"},
		{"POST", "/v1/screenings/%00/orders", buyer, `{"quantity":1}`, key, 404, "not_found"},
		{"GET", "/v1/screenings/none", "", "", nil, 404, "not_found"},
		{"GET", "/v1/screenings?cursor=!!", "", "", nil, 400, "invalid_request"},
		{"GET", "/v1/screenings?limit=-1", "", "", nil, 400, "invalid_request"},
		{"POST", "/v1/screenings", buyer, `{}`, nil, 403, "forbidden"},
		{"POST", "/v1/screenings", admin, `{}`, nil, 422, "invalid_request"},
		{"PATCH", "/v1/screenings/" + screening, admin, `{"capacity":-1}`, nil, 422, "invalid_request"},
		{"PATCH", "/v1/screenings/none", admin, `{"capacity":1}`, nil, 404, "not_found"},
		{"GET", "/v1/orders", "", "", nil, 401, "unauthorized"},
		{"GET", "/v1/orders?cursor=AAAA", buyer, "", nil, 400, "invalid_request"},
		{"GET", "/v1/orders/none", buyer, "", nil, 404, "not_found"},
		{"POST", "/v1/orders/none/cancel", buyer, "", nil, 404, "not_found"},
		{"POST", "/v1/payments/callback", "", `{}`, nil, 401, "bad_signature"},
		{"DELETE", "/v1/orders", buyer, "", nil, 405, "method_not_allowed"},
		{"GET", "/v1/none", "", "", nil, 404, "not_found"},
	} {
		r := o.must(test.method, test.path, test.token, test.body, test.header...)
		if r.status != test.status || r.code() != test.code || r.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %.40s: %d %s %s, want %d %s", test.method, test.path, test.body,
				r.status, r.header.Get("Content-Type"), r.body, test.status, test.code)
		}
	}
	for body, status := range map[string]int{
		``: 400, `x`: 400, `[]`: 400, `{"type":"payment.succeeded"}`: 422, `{"type":"payment.succeeded","data":{"amount":-1}}`: 422,
	} {
		if r := o.deliver(body, o.clock.Now()); r.status != status || r.code() != "invalid_request" {
			t.Errorf("signed callback %q: %d %s, want %d", body, r.status, r.body, status)
		}
	}
	o.eventuallyCounters(screening, 10, 0, 0)
}

// With one order per message nothing is merged, and the books are the same.
func TestOneMessagePerOrder(t *testing.T) {
	o := newOffice(t, "-max-batch", "1")
	screening := o.addScreening(20, 0)
	var halves atomic.Int64
	o.queue.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if r.Topic() == o.topic("stock-reserved") && r.Property("TRAN_MSG") == "true" {
			halves.Add(1)
		}
		return broker.Pass
	})
	for n := range 20 {
		o.mustBuy(fmt.Sprint("buyer-", n), screening, 1)
	}
	if r := o.buy("late", screening, "k", 1); r.code() != "sold_out" {
		t.Errorf("the 21st of 20: %d %s, want sold_out", r.status, r.body)
	}
	o.eventuallyCounters(screening, 0, 20, 0)
	if n := halves.Load(); n != 20 {
		t.Errorf("%d half messages for 20 orders", n)
	}
}
