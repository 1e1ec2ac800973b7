package api

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// guarded is every route that asks who calls, with a request that is otherwise good.
func guarded() map[string]struct {
	ask    ask
	role   string
	status int // for whoever may
	other  int // for another of the same role
} {
	orders := "/v1/orders/" + orderID
	key := http.Header{"Idempotency-Key": {"key-1"}}
	const start = `{"provider":"webhook","return_url":"https://shop.example/"}`
	const note, part = `{"note":"asked by phone"}`, `{"amount":100,"note":"a seat is broken"}`
	return map[string]struct {
		ask    ask
		role   string
		status int
		other  int
	}{
		"add":     {ask{method: "POST", path: "/v1/screenings", body: newScreening()}, roleAdmin, 201, 201},
		"change":  {ask{method: "PATCH", path: "/v1/screenings/scr-1", body: `{"capacity":9}`}, roleAdmin, 200, 200},
		"buy":     {ask{method: "POST", path: "/v1/screenings/scr-1/orders", body: `{"quantity":1}`, header: key}, roleBuyer, 202, 202},
		"list":    {ask{method: "GET", path: "/v1/orders"}, roleBuyer, 200, 200},
		"get":     {ask{method: "GET", path: orders}, roleBuyer, 200, 404},
		"cancel":  {ask{method: "POST", path: orders + "/cancel"}, roleBuyer, 200, 404},
		"pay":     {ask{method: "POST", path: "/v1/dev/payments", body: `{"order_id":"` + orderID + `"}`}, roleBuyer, 503, 404},
		"unknown": {ask{method: "GET", path: "/v1/orders/unknown"}, roleBuyer, 404, 404},
		"money":   {ask{method: "GET", path: orders + "/refunds"}, roleBuyer, 200, 404},
		"start":   {ask{method: "POST", path: orders + "/payments", body: start}, roleBuyer, 200, 404},

		"ledger":        {ask{method: "GET", path: "/v1/admin/ledger"}, roleAdmin, 200, 200},
		"refunds":       {ask{method: "GET", path: "/v1/admin/refunds"}, roleAdmin, 200, 200},
		"retry refund":  {ask{method: "POST", path: "/v1/admin/refunds/rf_1/retry", body: note}, roleAdmin, 200, 200},
		"settle refund": {ask{method: "POST", path: "/v1/admin/refunds/rf_1/settle", body: note}, roleAdmin, 200, 200},
		"parked":        {ask{method: "GET", path: "/v1/admin/payments/parked"}, roleAdmin, 200, 200},
		"refund parked": {ask{method: "POST", path: "/v1/admin/payments/parked/pay:1/refund", body: note}, roleAdmin, 204, 204},
		"cancel paid":   {ask{method: "POST", path: "/v1/admin/orders/" + orderID + "/cancel", body: note}, roleAdmin, 200, 200},
		"refund part": {ask{method: "POST", path: "/v1/admin/orders/" + orderID + "/refunds", body: part, header: key},
			roleAdmin, 202, 202},
		"tickets":     {ask{method: "GET", path: orders + "/tickets"}, roleBuyer, 409, 404},
		"check in":    {ask{method: "POST", path: "/v1/checkins", body: `{"code":"forged"}`, header: key}, roleStaff, 409, 409},
		"check-ins":   {ask{method: "GET", path: "/v1/screenings/scr-1/checkins"}, roleStaff, 200, 200},
		"door's list": {ask{method: "GET", path: "/v1/screenings/scr-1/tickets"}, roleStaff, 200, 200},

		"acts": {ask{method: "GET", path: "/v1/admin/acts"}, roleAdmin, 200, 200},

		"all orders": {ask{method: "GET", path: "/v1/admin/orders?buyer=alice&state=paid"}, roleAdmin, 200, 200},
		"export":     {ask{method: "GET", path: "/v1/admin/orders.csv"}, roleAdmin, 200, 200},
		"any order":  {ask{method: "GET", path: "/v1/admin/orders/" + orderID}, roleAdmin, 200, 200},
		"timeline":   {ask{method: "GET", path: "/v1/admin/orders/" + orderID + "/timeline"}, roleAdmin, 200, 200},
		"findings":   {ask{method: "GET", path: "/v1/admin/findings"}, roleAdmin, 200, 200},
		"fix": {ask{method: "POST", path: "/v1/admin/findings/fix", body: `{"kind":"dead_letter","note":"mended"}`},
			roleAdmin, 200, 200},
		"dead letters": {ask{method: "GET", path: "/v1/admin/dead-letters"}, roleAdmin, 200, 200},
		"resend":       {ask{method: "POST", path: "/v1/admin/dead-letters/resend", body: note}, roleAdmin, 200, 200},
		"queues":       {ask{method: "GET", path: "/v1/admin/queues"}, roleAdmin, 200, 200},
		"processes":    {ask{method: "GET", path: "/v1/admin/processes"}, roleAdmin, 200, 200},
	}
}

// rawToken signs what is no map: names that stand twice, and headers that the library would not make.
func rawToken(t testing.TB, header, body string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(body))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(testJWTSecret))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func goodClaims(role string) string {
	return fmt.Sprintf(`{"sub":"alice","role":%q,"exp":%d}`, role, testNow().Add(time.Hour).Unix())
}

// The matrix of every guarded route and everyone who may come. Nobody but the right role gets further than 403, and no
// spoilt token further than 401.
func TestWhoMayDoWhat(t *testing.T) {
	f := newFixture(t, withDemo, withTickets(t))
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := func(role string) jwt.MapClaims {
		return jwt.MapClaims{"sub": "alice", "role": role, "exp": testNow().Add(time.Hour).Unix()}
	}
	set := func(name string, value any) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) { c[name] = value }
	}
	without := func(name string) func(jwt.MapClaims) { return func(c jwt.MapClaims) { delete(c, name) } }
	for name, route := range guarded() {
		t.Run(name, func(t *testing.T) {
			other := map[string]string{roleBuyer: roleAdmin, roleAdmin: roleBuyer, roleStaff: roleBuyer}[route.role]
			mine := tokenFor(t, "alice", route.role)
			for who, c := range map[string]struct {
				token  string
				status int
			}{
				"owner":              {mine, route.status},
				"other of the role":  {tokenFor(t, "bob", route.role), route.other},
				"the other role":     {tokenFor(t, "alice", other), 403},
				"anonymous":          {"", 401},
				"garbage":            {"not.a.token", 401},
				"too long":           {strings.Repeat("a", tokenBytesMax+1), 401},
				"tampered":           {mine[:len(mine)-4] + "AAAA", 401},
				"just expired":       {tokenFor(t, "alice", route.role, set("exp", testNow().Add(-29*time.Second).Unix())), route.status},
				"expired":            {tokenFor(t, "alice", route.role, set("exp", testNow().Add(-31*time.Second).Unix())), 401},
				"no exp":             {tokenFor(t, "alice", route.role, without("exp")), 401},
				"not yet":            {tokenFor(t, "alice", route.role, set("nbf", testNow().Add(time.Minute).Unix())), 401},
				"nbf beyond time":    {tokenFor(t, "alice", route.role, set("nbf", 1e19)), 401},
				"exp beyond time":    {tokenFor(t, "alice", route.role, set("exp", 1e300)), 401},
				"negative iat":       {tokenFor(t, "alice", route.role, set("iat", -1)), 401},
				"exp as a string":    {tokenFor(t, "alice", route.role, set("exp", "4000000000")), 401},
				"crit":               {rawToken(t, `{"alg":"HS256","crit":["b64"],"b64":false}`, goodClaims(route.role)), 401},
				"raw":                {rawToken(t, `{"alg":"HS256"}`, goodClaims(route.role)), route.status},
				"two roles":          {rawToken(t, `{"alg":"HS256"}`, strings.Replace(goodClaims(route.role), "{", `{"role":"x",`, 1)), 401},
				"role by case":       {rawToken(t, `{"alg":"HS256"}`, strings.Replace(goodClaims(route.role), `"role"`, `"Role"`, 1)), 401},
				"no sub":             {tokenFor(t, "alice", route.role, without("sub")), 401},
				"empty sub":          {tokenFor(t, "", route.role), 401},
				"sub ends in space":  {tokenFor(t, "alice ", route.role), 401},
				"sub begins in one":  {tokenFor(t, " alice", route.role), 401},
				"sub too long":       {tokenFor(t, strings.Repeat("a", subjectBytesMax+1), route.role), 401},
				"sub with a newline": {tokenFor(t, "alice\n", route.role), 401},
				"no role":            {tokenFor(t, "alice", route.role, without("role")), 401},
				"unknown role":       {tokenFor(t, "alice", "root"), 401},
				"roles as a list":    {tokenFor(t, "alice", route.role, set("role", []string{route.role})), 401},
				"wrong secret":       {signToken(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), good(route.role)), 401},
				"HS512":              {signToken(t, jwt.SigningMethodHS512, []byte(testJWTSecret), good(route.role)), 401},
				"RS256":              {signToken(t, jwt.SigningMethodRS256, rsaKey, good(route.role)), 401},
				"alg none":           {signToken(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good(route.role)), 401},
			} {
				a := route.ask
				a.token = c.token
				w := f.send(t, a)
				if w.Code != c.status {
					t.Errorf("%s was answered %d %s, want %d", who, w.Code, w.Body, c.status)
				}
				switch c.status {
				case 401:
					wantProblem(t, w, 401, "unauthorized")
					if challenge := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "Bearer ") {
						t.Errorf("%s: WWW-Authenticate is %q", who, challenge)
					}
				case 403:
					wantProblem(t, w, 403, "forbidden")
				}
			}
		})
	}
}

// The routes that the matrix knows must be all that there are, or a new one would go untested.
func TestMatrixKnowsEveryGuardedRoute(t *testing.T) {
	known := map[string]bool{}
	for _, route := range guarded() {
		r, err := http.NewRequest(route.ask.method, route.ask.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		found, _, err := specRouter(t).FindRoute(r)
		if err != nil {
			t.Fatal(err)
		}
		known[found.Operation.OperationID] = true
	}
	for path, item := range specDocument(t).Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.Security == nil && !known[operation.OperationID] {
				t.Errorf("%s %s asks for a token and is not in the matrix", method, path)
			}
		}
	}
}

func TestAuthorizationHeaderForms(t *testing.T) {
	f := newFixture(t)
	good := tokenFor(t, "alice", roleBuyer)
	for name, c := range map[string]struct {
		values []string
		status int
	}{
		"lower case scheme": {[]string{"bearer " + good}, 200},
		"no scheme":         {[]string{good}, 401},
		"basic":             {[]string{"Basic " + good}, 401},
		"two headers":       {[]string{"Bearer " + good, "Bearer " + good}, 401},
		"empty":             {[]string{""}, 401},
	} {
		w := f.send(t, ask{method: "GET", path: "/v1/orders", header: http.Header{"Authorization": c.values}})
		if w.Code != c.status {
			t.Errorf("%s was answered %d, want %d", name, w.Code, c.status)
		}
	}
	if w := f.send(t, ask{method: "GET", path: "/v1/orders?token=" + good}); w.Code != 401 {
		t.Errorf("a token in the address was answered %d", w.Code)
	}
}

// A token is verified once and remembered. What it says about its end must be asked every time all the same.
func TestRememberedTokenExpires(t *testing.T) {
	now := testNow()
	f := newFixture(t, func(o *Options) { o.Now = func() time.Time { return now } })
	a := ask{method: "GET", path: "/v1/orders", token: tokenFor(t, "alice", roleBuyer)}
	for _, c := range []struct {
		later  time.Duration
		status int
	}{{0, 200}, {0, 200}, {time.Hour, 200}, {time.Hour + tokenLeeway - 1, 200}, {time.Hour + tokenLeeway, 401}, {0, 200}} {
		now = testNow().Truncate(time.Second).Add(c.later)
		if w := f.send(t, a); w.Code != c.status {
			t.Errorf("after %s it was answered %d, want %d", c.later, w.Code, c.status)
		}
	}
	other := a
	other.token = a.token[:len(a.token)-2] + "AA"
	if w := f.send(t, other); w.Code != 401 {
		t.Errorf("a token that only resembles it was answered %d", w.Code)
	}
}
