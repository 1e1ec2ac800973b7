//go:build !race

package app

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"boxoffice/app/settings"
)

const realShop = "https://shop.example" // where the providers are told to call back

// startedPayment is the answer to a payment that was started.
type startedPayment struct {
	ID     string `json:"id"`
	Action struct {
		Kind string `json:"kind"`
		URL  string `json:"url"`
		QR   string `json:"qr"`
	} `json:"action"`
}

// realProvider is what a test needs of one of the real providers.
type realProvider interface {
	// secrets are the settings that may be in files, and plain the others.
	secrets() map[string]string
	plain() map[string]string

	// wantStarted checks what a payment of 49.00 CNY was started by, and what its payer has to do.
	wantStarted(order string, started startedPayment)

	// paid is the callback of that payment, with a signature of now; or the same of money that is not ours, but somebody else's.
	paid(order string, started startedPayment, ours bool) (header []string, body string)

	// taken is the type and the body of the answer after which the provider does not send a callback again.
	taken() (contentType, body string)

	// refunded puts the money of that payment back with its payer, and returns the callback that says so; no body if the provider
	// sends none, and has to be asked.
	refunded() (header []string, body string)
}

// No test took a real provider through the office: each was right by itself, and whether the office gives it its keys, tells it
// where to call back, and answers in the words that it waits for, nobody knew. Alipay takes any answer but "success" for a
// failure, and sends its notification again for a day.
//
// The office is a process of its own, which calls the providers at their own addresses, by a proxy. Each has two keys, as while
// one is replaced; the callbacks are signed with the one that is older, and with the one that is newer.
func TestRealProviders(t *testing.T) {
	keys := newProviderKeys(t)
	for name, c := range map[string]struct{ key, inFiles, qr bool }{
		"secrets in the environment": {},
		"secrets in files":           {key: true, inFiles: true, qr: true},
	} {
		t.Run(name, func(t *testing.T) {
			slow(t)
			keys := keys
			if c.key {
				keys.signs = 1
			}
			o := newPrograms(t, "BOXOFFICE_PUBLIC_URL", realShop)
			providers := o.configureProviders(keys, c.inFiles, c.qr)
			o.startProgram()
			offered := o.must("GET", "/v1/payments/providers", "", "")
			if want := `{"items":[{"name":"stripe"},{"name":"wechat"},{"name":"alipay"}]}`; string(offered.body) != want {
				t.Errorf("payers are offered %s, want %s", offered.body, want)
			}
			screening := o.addScreening(10, 0)
			orders := map[string]string{}
			for _, name := range slices.Sorted(maps.Keys(providers)) {
				orders[name] = o.paysWith(name, providers[name], screening)
			}
			o.eventuallyCounters(screening, 7, 0, 3)
			for name, p := range providers {
				o.refundsWith(name, p, orders[name])
			}
			o.eventuallyCounters(screening, 10, 0, 0)
			if r := o.must("GET", "/v1/admin/ledger", bearer(t, "boss", "admin"), ""); !strings.Contains(string(r.body), `"balanced":true`) ||
				!strings.Contains(string(r.body), `"refunded":14700`) {
				t.Errorf("the ledger is %s", r.body)
			}
		})
	}
}

// configureProviders gives an office the settings of all providers, whom it finds at their own addresses, and returns them.
func (o *officeTest) configureProviders(keys providerKeys, inFiles, qr bool) map[string]realProvider {
	o.t.Helper()
	stripe, wechat, alipay := newStripe(o.t, keys), newWechat(o.t, keys), newAlipay(o.t, keys, qr)
	maps.Copy(o.env, serveAt(o.t, map[string]http.Handler{
		"api.stripe.com": stripe, "api.mch.weixin.qq.com": wechat, "openapi.alipay.com": alipay,
	}))
	delete(o.env, settings.EnvWebhookSecret) // there is no other provider
	providers := map[string]realProvider{"stripe": stripe, "wechat": wechat, "alipay": alipay}
	for _, p := range providers {
		maps.Copy(o.env, p.plain())
		for name, text := range p.secrets() {
			if !inFiles {
				o.env[name] = text
				continue
			}
			file := filepath.Join(o.t.TempDir(), name)
			if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
				o.t.Fatal(err)
			}
			o.env[name+"_FILE"] = file
		}
	}
	return providers
}

// paysWith buys one ticket and pays it with a provider. A forged callback changes nothing, nor does one of somebody else's money;
// the provider's is taken, and taken again, with the answer for which it waits. It returns the order.
func (o *officeTest) paysWith(name string, p realProvider, screening string) (order string) {
	o.t.Helper()
	buyer := "payer-by-" + name
	order = o.mustBuy(buyer, screening, 1).ID
	r := o.must("POST", "/v1/orders/"+order+"/payments", bearer(o.t, buyer, "buyer"),
		`{"provider":"`+name+`","return_url":"`+realShop+`/orders"}`)
	if r.status != http.StatusOK {
		o.t.Fatalf("start with %s: %d %s", name, r.status, r.body)
	}
	started := decode[startedPayment](o.t, r)
	p.wantStarted(order, started)
	header, body := p.paid(order, started, true)
	path := "/v1/payments/callback/" + name
	o.wantForgedRefused(path, header, body)
	foreignHeader, foreignBody := p.paid(order, started, false)
	if r := o.must("POST", path, "", foreignBody, foreignHeader...); r.status >= 500 || strings.Contains(string(r.body), "applied") {
		o.t.Errorf("%s's callback of money that somebody else got is answered %d %s", name, r.status, r.body)
	}
	if status := o.order(buyer, order).Status; status != "pending_payment" {
		o.t.Errorf("after forged callbacks of %s, and one of somebody else's money, the order is %s", name, status)
	}
	for _, result := range []string{"applied", "duplicate"} {
		o.wantTaken(name, p, header, body, result)
	}
	o.eventuallyStatus(buyer, order, "paid")
	return order
}

// wantTaken sends a callback of a provider, and checks its answer.
func (o *officeTest) wantTaken(name string, p realProvider, header []string, body, result string) {
	o.t.Helper()
	wantType, wantBody := p.taken()
	want := strings.Replace(wantBody, "RESULT", result, 1)
	r := o.must("POST", "/v1/payments/callback/"+name, "", body, header...)
	if got := r.header.Get("Content-Type"); r.status != http.StatusOK || got != wantType || string(r.body) != want {
		o.t.Errorf("%s is answered %d %s %q, want 200 %s %q", name, r.status, got, r.body, wantType, want)
	}
}

// refundsWith has the office cancel a paid order, and its money go back by the provider, who first has it on its way. A forged
// callback does not say that it is back, and the provider's, or its answer, does.
func (o *officeTest) refundsWith(name string, p realProvider, order string) {
	o.t.Helper()
	o.operate("POST", "/v1/admin/orders/"+order+"/cancel", `{"note":"the projector is broken"}`, http.StatusOK)
	is := func(state string) func() bool {
		return func() bool {
			r := o.must("GET", "/v1/admin/refunds?state="+state, bearer(o.t, "boss", "admin"), "")
			return r.status == http.StatusOK && strings.Contains(string(r.body), order)
		}
	}
	o.eventually("a refund is sent to "+name, is("sent"))
	header, body := p.refunded()
	if body != "" {
		o.wantForgedRefused("/v1/payments/callback/"+name, header, body)
		if !is("sent")() {
			o.t.Errorf("after forged callbacks of %s its refund is not on its way any more", name)
		}
		for range 2 {
			o.wantTaken(name, p, header, body, "recorded")
		}
	}
	o.eventually("a refund of "+name+" is done", is("done"))
}

// wantForgedRefused sends a callback with one character changed, and without its signature.
func (o *officeTest) wantForgedRefused(path string, header []string, body string) {
	o.t.Helper()
	unsigned := strings.Replace(body, "&sign=", "&sing=", 1) // Alipay's is in the body
	for what, r := range map[string]response{
		"changed":  o.must("POST", path, "", strings.Replace(body, "a", "b", 1), header...),
		"unsigned": o.must("POST", path, "", unsigned, header[:2]...),
	} {
		if r.status != http.StatusUnauthorized || r.code() != "bad_signature" {
			o.t.Errorf("%s, %s, is answered %d %s", path, what, r.status, r.body)
		}
	}
}

// encodeJSON writes a body or an answer of a provider.
func encodeJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Error(err) // a handler may not end the test
	}
	return raw
}
