package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"

	"boxoffice/identity"
	"boxoffice/identity/identitytest"
)

const everybody identity.Roles = 0

// access is who may use a route, and how it answers.
type access struct {
	who     identity.Roles
	ask     ask  // a request that is otherwise good
	status  int  // for alice, who owns what it is about
	foreign int  // for others who may use it; 0 is status
	session int  // for everybody who is signed in by a cookie; 0 is status
	ownSite bool // it is refused for everybody whose browser another site has made send it
}

// accessTable is every route of the shop, and who may use it. A new route needs a line.
func accessTable() map[string]access {
	orders := "/v1/orders/" + orderID
	const start = `{"provider":"webhook","return_url":"https://shop.example/"}`
	const fix = `{"kind":"dead_letter","note":"mended"}`
	const settleReused = `{"order_id":"o","amount":{"amount":1,"currency":"CNY"},"note":"asked the provider"}`
	const note, part, own = `{"note":"asked by phone"}`, `{"amount":100,"note":"a seat is broken"}`, `{"order_id":"` + orderID + `"}`
	get := func(path string) ask { return ask{path: path} }
	post := func(path, body string) ask { return ask{path: path, body: body} }
	keyed := func(a ask) ask {
		a.header = http.Header{"Idempotency-Key": {"key-1"}}
		return a
	}
	return map[string]access{
		"GET /v1/screenings":             {who: everybody, ask: get("/v1/screenings"), status: 200},
		"GET /v1/screenings/:id":         {who: everybody, ask: get("/v1/screenings/scr-1"), status: 200},
		"POST /v1/screenings":            {who: roleAdmin, ask: post("/v1/screenings", newScreening()), status: 201},
		"PATCH /v1/screenings/:id":       {who: roleAdmin, ask: post("/v1/screenings/scr-1", `{"capacity":9}`), status: 200},
		"POST /v1/screenings/:id/orders": {who: roleBuyer, ask: keyed(post("/v1/screenings/scr-1/orders", `{"quantity":1}`)), status: 202},
		"GET /v1/orders":                 {who: roleBuyer, ask: get("/v1/orders"), status: 200},
		"GET /v1/orders/:id":             {who: roleBuyer, ask: get(orders), status: 200, foreign: 404},
		// A stream takes the connection, of which a recorder has none.
		"GET /v1/orders/:id/events":                 {who: roleBuyer, ask: get(orders + "/events"), status: 500, foreign: 404},
		"GET /v1/screenings/:id/events":             {who: everybody, ask: get("/v1/screenings/scr-1/events"), status: 500},
		"GET /v1/orders/:id/refunds":                {who: roleBuyer, ask: get(orders + "/refunds"), status: 200, foreign: 404},
		"POST /v1/orders/:id/cancel":                {who: roleBuyer, ask: post(orders+"/cancel", ""), status: 200, foreign: 404},
		"POST /v1/orders/:id/payments":              {who: roleBuyer, ask: post(orders+"/payments", start), status: 200, foreign: 404},
		"GET /v1/payments/providers":                {who: everybody, ask: get("/v1/payments/providers"), status: 200},
		"POST /v1/payments/callback":                {who: everybody, ask: post("/v1/payments/callback", "{}"), status: 401},
		"POST /v1/payments/callback/:provider":      {who: everybody, ask: post("/v1/payments/callback/webhook", "{}"), status: 401},
		"GET /v1/admin/ledger":                      {who: roleAdmin, ask: get("/v1/admin/ledger"), status: 200},
		"GET /v1/admin/refunds":                     {who: roleAdmin, ask: get("/v1/admin/refunds"), status: 200},
		"POST /v1/admin/refunds/:id/retry":          {who: roleAdmin, ask: post("/v1/admin/refunds/rf_1/retry", note), status: 200},
		"POST /v1/admin/refunds/:id/settle":         {who: roleAdmin, ask: post("/v1/admin/refunds/rf_1/settle", note), status: 200},
		"GET /v1/admin/payments/reused":             {who: roleAdmin, ask: get("/v1/admin/payments/reused"), status: 200},
		"POST /v1/admin/payments/reused/:id/settle": {who: roleAdmin, ask: post("/v1/admin/payments/reused/pay:1/settle", settleReused), status: 204},
		"GET /v1/admin/payments/parked":             {who: roleAdmin, ask: get("/v1/admin/payments/parked"), status: 200},
		"POST /v1/admin/payments/parked/:id/refund": {who: roleAdmin, ask: post("/v1/admin/payments/parked/pay:1/refund", note), status: 204},
		"POST /v1/admin/orders/:id/cancel":          {who: roleAdmin, ask: post("/v1/admin/orders/"+orderID+"/cancel", note), status: 200},
		"POST /v1/admin/orders/:id/refunds":         {who: roleAdmin, ask: keyed(post("/v1/admin/orders/"+orderID+"/refunds", part)), status: 202},
		"GET /v1/admin/acts":                        {who: roleAdmin, ask: get("/v1/admin/acts"), status: 200},
		"GET /v1/admin/screenings/:id":              {who: roleAdmin, ask: get("/v1/admin/screenings/scr-1"), status: 200},
		"GET /v1/admin/screenings/:id/sales":        {who: roleAdmin, ask: get("/v1/admin/screenings/scr-1/sales"), status: 200},
		"POST /v1/admin/screenings/:id/cancel":      {who: roleAdmin, ask: post("/v1/admin/screenings/scr-1/cancel", note), status: 202},
		"POST /v1/admin/screenings/:id/archive":     {who: roleAdmin, ask: post("/v1/admin/screenings/scr-1/archive", note), status: 202},
		"GET /v1/admin/orders":                      {who: roleAdmin, ask: get("/v1/admin/orders?buyer=alice&state=paid"), status: 200},
		"GET /v1/admin/orders.csv":                  {who: roleAdmin, ask: get("/v1/admin/orders.csv"), status: 200},
		"GET /v1/admin/orders/:id":                  {who: roleAdmin, ask: get("/v1/admin/orders/" + orderID), status: 200},
		"GET /v1/admin/orders/:id/timeline":         {who: roleAdmin, ask: get("/v1/admin/orders/" + orderID + "/timeline"), status: 200},
		"GET /v1/admin/findings":                    {who: roleAdmin, ask: get("/v1/admin/findings"), status: 200},
		"POST /v1/admin/findings/fix":               {who: roleAdmin, ask: post("/v1/admin/findings/fix", fix), status: 200},
		"GET /v1/admin/dead-letters":                {who: roleAdmin, ask: get("/v1/admin/dead-letters"), status: 200},
		"POST /v1/admin/dead-letters/resend":        {who: roleAdmin, ask: post("/v1/admin/dead-letters/resend", note), status: 200},
		"GET /v1/admin/queues":                      {who: roleAdmin, ask: get("/v1/admin/queues"), status: 200},
		"GET /v1/admin/processes":                   {who: roleAdmin, ask: get("/v1/admin/processes"), status: 200},
		"GET /v1/contact":                           {who: roleBuyer, ask: get("/v1/contact"), status: 200},
		"PUT /v1/contact": {
			who: roleBuyer, ask: post("/v1/contact", `{"email":"a@b.example","language":"en"}`), status: 200,
		},
		"DELETE /v1/contact":                     {who: roleBuyer, ask: get("/v1/contact"), status: 204},
		"GET /v1/admin/notifications":            {who: roleAdmin, ask: get("/v1/admin/notifications"), status: 200},
		"POST /v1/admin/notifications/:id/retry": {who: roleAdmin, ask: post("/v1/admin/notifications/"+deadMail+"/retry", note), status: 200},
		"GET /v1/admin/orders/:id/notifications": {who: roleAdmin, ask: get("/v1/admin/orders/" + orderID + "/notifications"), status: 200},
		"GET /v1/dev/messages":                   {who: roleBuyer, ask: get("/v1/dev/messages"), status: 200},
		"GET /v1/dev/messages/:id":               {who: roleBuyer, ask: get("/v1/dev/messages/" + deadMail), status: 200, foreign: 404},
		"GET /v1/orders/:id/tickets":             {who: roleBuyer, ask: get(orders + "/tickets"), status: 409, foreign: 404},
		"POST /v1/checkins":                      {who: roleStaff | roleAdmin, ask: keyed(post("/v1/checkins", `{"code":"forged"}`)), status: 409},
		"GET /v1/screenings/:id/checkins":        {who: roleStaff | roleAdmin, ask: get("/v1/screenings/scr-1/checkins"), status: 200},
		"GET /v1/screenings/:id/tickets":         {who: roleStaff | roleAdmin, ask: get("/v1/screenings/scr-1/tickets"), status: 200},
		"GET /v1/tickets/key":                    {who: everybody, ask: get("/v1/tickets/key"), status: 200},
		"GET /v1/me":                             {who: anyRole, ask: get("/v1/me"), status: 200},
		"GET /v1/sign-in":                        {who: everybody, ask: get("/v1/sign-in"), status: 200},
		"GET /sign-in":                           {who: everybody, ask: get("/sign-in"), status: 303},
		"GET /sign-in/callback":                  {who: everybody, ask: get("/sign-in/callback?code=x&state=y"), status: 400, session: 303},
		"GET /sign-out/callback":                 {who: everybody, ask: get("/sign-out/callback?state=/"), status: 303},
		"POST /sign-out":                         {who: everybody, ask: post("/sign-out", ""), status: 204, ownSite: true},
		"POST /v1/dev/tokens":                    {who: everybody, ask: post("/v1/dev/tokens", `{"user":"eve","role":"buyer"}`), status: 200},
		"POST /v1/dev/payments":                  {who: roleBuyer, ask: post("/v1/dev/payments", own), status: 503, foreign: 404},
		"GET /":                                  {who: everybody, ask: get("/"), status: 200},
		"GET /s/:id":                             {who: everybody, ask: get("/s/scr-1"), status: 200},
		"GET /o/:id":                             {who: everybody, ask: get(strings.Replace(orders, "/v1/orders", "/o", 1)), status: 200},
		"GET /orders":                            {who: everybody, ask: get("/orders"), status: 200},
		"GET /admin":                             {who: everybody, ask: get("/admin"), status: 200},
		"GET /check-in":                          {who: everybody, ask: get("/check-in"), status: 200},
		"GET /tickets":                           {who: everybody, ask: get("/tickets"), status: 200},
		"GET /mailbox":                           {who: everybody, ask: get("/mailbox"), status: 200},
		"GET /problems":                          {who: everybody, ask: get("/problems"), status: 200},
		"GET /openapi.yaml":                      {who: everybody, ask: get("/openapi.yaml"), status: 200},
	}
}

// visitor is who comes, with what, and what that is worth.
type visitor struct {
	name   string
	token  string
	cookie string
	site   string // from which the browser sends, as Sec-Fetch-Site says
	roles  identity.Roles
	valid  bool // token or cookie
	owner  bool // it is alice
}

// fromElsewhere tells whether another site has made the browser send what changes something.
func (v visitor) fromElsewhere(method string) bool {
	return v.site == "cross-site" && method != http.MethodGet
}

// want is the status with which a visitor is answered.
func (v visitor) want(a access, method string) int {
	switch crossSite := v.fromElsewhere(method); {
	case a.ownSite && crossSite:
		return http.StatusForbidden
	case a.who == everybody && a.session != 0 && v.cookie != "" && v.valid:
		return a.session
	case a.who == everybody:
		return a.status
	case !v.valid:
		return http.StatusUnauthorized
	case v.cookie != "" && crossSite, !v.roles.HasAny(a.who):
		return http.StatusForbidden
	case !v.owner && a.foreign != 0:
		return a.foreign
	default:
		return a.status
	}
}

// visitors are everyone who may come: each role by token and by cookie, and whoever tries with what is no good. Whoever has
// signed in at the identity provider is a buyer besides.
func visitors(t *testing.T, f *signInFixture) []visitor {
	t.Helper()
	const all = roleBuyer | roleStaff | roleAdmin
	expired := func(c jwt.MapClaims) { c["exp"] = testNow().Add(-time.Hour).Unix() }
	everyRole := identitytest.Person{Subject: "alice", Said: map[string]any{"roles": []string{"staff", "admin"}}}
	session := f.signIn(t, everyRole)
	list := []visitor{
		{name: "anonymous"},
		{name: "garbage", token: "not.a.token"},
		{name: "garbage in a cookie", cookie: "not.a.session"},
		{name: "session as a token", token: session},
		{name: "every role by a cookie that has run out", cookie: oldSession(t, everyRole)},
		{name: "every role by cookie", cookie: session, roles: all, valid: true, owner: true},
		{name: "every role by cookie, from another site", cookie: session, site: "cross-site", roles: all, valid: true, owner: true},
		{name: "every role by a provider's token", token: f.provider.Sign(f.claims("alice", everyRole.Said)), roles: all, valid: true, owner: true},
		{name: "a provider's expired token", token: f.provider.Sign(f.claims("alice", everyRole.Said, expired))},
		{name: "ID token of another client", token: f.provider.Sign(f.claims("alice", map[string]any{"aud": "other"}))},
	}
	for _, role := range []identity.Roles{roleBuyer, roleStaff, roleAdmin} {
		name := role.String()
		said := map[string]any{"roles": []string{name}}
		good := tokenFor(t, "alice", role)
		list = append(list,
			visitor{name: name, token: good, roles: role, valid: true, owner: true},
			visitor{name: name + " from another site", token: good, site: "cross-site", roles: role, valid: true, owner: true},
			visitor{name: "other " + name, token: tokenFor(t, "bob", role), roles: role, valid: true},
			visitor{name: name + ", expired", token: tokenFor(t, "alice", role, expired)},
			visitor{name: name + ", tampered", token: good[:len(good)-4] + "AAAA"},
			visitor{name: name + ", forged", token: signToken(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)),
				jwt.MapClaims{"sub": "alice", "role": name, "exp": testNow().Add(time.Hour).Unix()})},
			visitor{name: name + "'s token as a session", cookie: good},
			visitor{name: name + " by cookie", cookie: f.signIn(t, identitytest.Person{Subject: "bob", Said: said}),
				roles: roleBuyer | role, valid: true},
		)
	}
	return list
}

// The matrix of every route that the router has and everyone who may come. Nobody but the right role gets further than 403,
// and nothing that is no good further than 401.
func TestWhoMayDoWhat(t *testing.T) {
	f := newSignInFixture(t, withDemo, withTickets(t), withNotify())
	come := visitors(t, f)
	table := accessTable()
	for _, route := range f.handler.(*echo.Echo).Routes() {
		if route.Method == http.MethodHead || strings.HasPrefix(route.Path, "/web/") {
			continue
		}
		name := route.Method + " " + route.Path
		a, there := table[name]
		delete(table, name)
		t.Run(name, func(t *testing.T) {
			if !there {
				t.Fatal("accessTable does not say who may use it")
			}
			for _, v := range come {
				f.visit(t, a, route.Method, v)
			}
		})
	}
	if len(table) > 0 {
		t.Errorf("there are no routes %q", slices.Sorted(maps.Keys(table)))
	}
}

// visit makes one request of the matrix.
func (f *signInFixture) visit(t *testing.T, a access, method string, v visitor) {
	t.Helper()
	r := a.ask
	r.method, r.token = method, v.token
	r.header = maps.Clone(a.ask.header)
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set("Sec-Fetch-Site", "same-origin")
	if v.site != "" {
		r.header.Set("Sec-Fetch-Site", v.site)
	}
	if v.cookie != "" {
		r.header.Set("Cookie", "boxoffice_session="+v.cookie)
	}
	w := f.send(t, r)
	if w.Code != v.want(a, method) {
		t.Errorf("%s was answered %d %s, want %d", v.name, w.Code, w.Body, v.want(a, method))
	}
	if a.who == everybody {
		return
	}
	switch w.Code {
	case http.StatusUnauthorized:
		wantProblem(t, w, w.Code, "unauthorized")
		if challenge := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "Bearer ") {
			t.Errorf("%s: WWW-Authenticate is %q", v.name, challenge)
		}
	case http.StatusForbidden:
		code := "forbidden"
		if v.cookie != "" && v.fromElsewhere(method) {
			code = "other_site"
		}
		wantProblem(t, w, w.Code, code)
	}
}
