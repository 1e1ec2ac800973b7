package settings

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func parseArgs(t *testing.T, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	return Parse(Invocation{Args: args, Getenv: func(name string) string { return env[name] }, Stdout: io.Discard})
}

func TestDefaultsAreTheDemo(t *testing.T) {
	c, err := parseArgs(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Demo || c.Listen != "127.0.0.1:8080" || c.PayWindow != 15*time.Minute || !c.HasRole(RoleAPI) ||
		c.StockDSN != "sqlite:data/stock.db" || c.OrderDSN != "sqlite:data/order.db" || len(c.NameServers) != 0 {
		t.Errorf("defaults: %+v", c)
	}
}

func TestFlagWinsOverEnvironment(t *testing.T) {
	c, err := parseArgs(t, map[string]string{"BOXOFFICE_PAY_WINDOW": "5m", "BOXOFFICE_MAX_BATCH": "7", "BOXOFFICE_NAMESRV": "a:1;b:2",
		"BOXOFFICE_JWT_SECRET": "0123456789abcdef0123456789abcdef", "BOXOFFICE_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
		"-pay-window", "4m")
	if err != nil || c.PayWindow != 4*time.Minute || c.MaxBatch != 7 || len(c.NameServers) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestBadConfigurationSaysWhatToSet(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	const testWebhook = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	const ticketKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"Stripe without its webhook secret": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret,
			"BOXOFFICE_STRIPE_KEY": "sk_test_123456789012345678901234"},
			want: "BOXOFFICE_STRIPE_WEBHOOK_SECRET"},
		"Stripe with a key of another kind": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_STRIPE_KEY": "pk_live_1"},
			want: "BOXOFFICE_STRIPE_KEY"},
		"WeChat Pay on no public URL": {args: []string{"-wechat-merchant-id", "1900000001"}, want: "BOXOFFICE_PUBLIC_URL"},
		"WeChat Pay without keys": {args: []string{"-wechat-merchant-id", "1900000001", "-public-url", "https://shop.example",
			"-wechat-public-key-id", "PUB_KEY_ID_1"},
			want: "BOXOFFICE_WECHAT_PUBLIC_KEY"},
		"WeChat Pay without a private key": {args: []string{"-wechat-merchant-id", "1900000001", "-public-url",
			"https://shop.example"}, want: "BOXOFFICE_WECHAT_"},
		"Alipay without keys": {args: []string{"-alipay-app-id", "2021000000000000", "-public-url",
			"https://shop.example"}, want: "BOXOFFICE_ALIPAY_"},
		"Stripe without its key": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_WEBHOOK_SECRET": testWebhook,
			"BOXOFFICE_STRIPE_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, want: "BOXOFFICE_STRIPE_KEY"},
		"Stripe without its key in a demo": {env: map[string]string{
			"BOXOFFICE_STRIPE_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, want: "BOXOFFICE_STRIPE_KEY"},
		"WeChat Pay without its merchant": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_WEBHOOK_SECRET": testWebhook},
			args: []string{"-wechat-app-id", "wx0123456789abcdef"}, want: "BOXOFFICE_WECHAT_MERCHANT_ID"},
		"Alipay without its application": {args: []string{"-roles", "order", "-alipay-qr"}, want: "BOXOFFICE_ALIPAY_APP_ID"},
		"payment URL and no secret": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret,
			"BOXOFFICE_STRIPE_KEY": "sk_test_123456789012345678901234", "BOXOFFICE_STRIPE_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
			args: []string{"-payment-url", "https://pay.example", "-public-url", "https://shop.example"}, want: "BOXOFFICE_WEBHOOK_SECRET"},
		"payment URL and no secret to send refunds": {args: []string{"-roles", "order", "-payment-url", "https://pay.example",
			"-public-url", "https://shop.example"}, want: "BOXOFFICE_WEBHOOK_SECRET"},
		"secret twice": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_JWT_SECRET_FILE": "/etc/hostname"},
			want: "BOXOFFICE_JWT_SECRET_FILE"},
		"secret file that is not there": {env: map[string]string{"BOXOFFICE_JWT_SECRET_FILE": "/no/such/file"}, want: "BOXOFFICE_JWT_SECRET_FILE"},
		"public URL":                    {args: []string{"-public-url", "shop.example"}, want: "BOXOFFICE_PUBLIC_URL"},
		"public URL with a slash":       {args: []string{"-public-url", "https://shop.example/"}, want: "BOXOFFICE_PUBLIC_URL"},
		"payment URL":                   {args: []string{"-payment-url", "ftp://pay.example"}, want: "BOXOFFICE_PAYMENT_URL"},
		"payment URL without TLS":       {args: []string{"-payment-url", "http://pay.example", "-public-url", "https://shop.example"}, want: "https"},
		"payment URL and no way back":   {args: []string{"-payment-url", "https://pay.example", "-roles", "order"}, want: "BOXOFFICE_PUBLIC_URL"},
		"pay lease":                     {args: []string{"-pay-lease", "2h"}, want: "BOXOFFICE_PAY_LEASE"},
		"pay grace":                     {args: []string{"-pay-grace", "0"}, want: "BOXOFFICE_PAY_GRACE"},
		"parked limit":                  {args: []string{"-parked-limit", "1m"}, want: "BOXOFFICE_PARKED_LIMIT"},
		"short secret":                  {env: map[string]string{"BOXOFFICE_JWT_SECRET": "x"}, want: "BOXOFFICE_JWT_SECRET"},
		"no webhook secret":             {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret}, want: "BOXOFFICE_WEBHOOK_SECRET"},
		"bad webhook secret": {
			env: map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_WEBHOOK_SECRET": "whsec_!"}, want: "BOXOFFICE_WEBHOOK_SECRET",
		},
		"provider and no secret of sessions": {args: []string{"-oidc-issuer", "https://login.example", "-oidc-client-id", "shop"},
			want: "BOXOFFICE_JWT_SECRET"},
		"provider's settings and no provider": {args: []string{"-oidc-client-id", "shop"}, want: "BOXOFFICE_OIDC_ISSUER"},
		"provider for nothing":                {args: []string{"-oidc-issuer", "https://login.example"}, want: "BOXOFFICE_OIDC_AUDIENCE"},
		"provider without TLS": {args: []string{"-oidc-issuer", "http://login.example", "-oidc-audience", "api"},
			want: "BOXOFFICE_OIDC_ISSUER to an https URL"},
		"provider with a query": {args: []string{"-oidc-issuer", "https://login.example?x", "-oidc-audience", "api"}, want: "BOXOFFICE_OIDC_ISSUER"},
		"client secret and no client": {env: map[string]string{"BOXOFFICE_OIDC_CLIENT_SECRET": "x"},
			args: []string{"-oidc-issuer", "https://login.example"}, want: "BOXOFFICE_OIDC_CLIENT_ID"},
		"quoted client secret": {env: map[string]string{"BOXOFFICE_OIDC_CLIENT_SECRET": `"x"`}, want: "BOXOFFICE_OIDC_CLIENT_SECRET"},
		"sign-in without openid": {args: []string{"-oidc-issuer", "https://login.example", "-oidc-client-id", "shop", "-oidc-scopes", "profile"},
			want: "BOXOFFICE_OIDC_SCOPES"},
		"sign-in and no way back": {args: []string{"-oidc-issuer", "https://login.example", "-oidc-client-id", "shop", "-listen", ":8080"},
			want: "BOXOFFICE_PUBLIC_URL"},
		"keys without TLS": {args: []string{"-oidc-issuer", "https://login.example", "-oidc-audience", "api",
			"-oidc-jwks", "http://login.example/keys"}, want: "BOXOFFICE_OIDC_JWKS"},
		"keys that are nowhere": {args: []string{"-oidc-issuer", "https://login.example", "-oidc-audience", "api", "-oidc-jwks", "/no/such/file"},
			want: "BOXOFFICE_OIDC_JWKS"},
		"no claim of roles": {args: []string{"-oidc-issuer", "https://login.example", "-oidc-audience", "api", "-oidc-roles-claim", ""},
			want: "BOXOFFICE_OIDC_ROLES_CLAIM"},
		"one role for two": {args: []string{"-oidc-issuer", "https://login.example", "-oidc-audience", "api", "-oidc-staff-role", "admin"},
			want: "BOXOFFICE_OIDC_STAFF_ROLE"},
		"session life":           {args: []string{"-session-life", "169h"}, want: "BOXOFFICE_SESSION_LIFE"},
		"no JWT secret":          {env: map[string]string{"BOXOFFICE_WEBHOOK_SECRET": "whsec_x"}, want: "BOXOFFICE_JWT_SECRET"},
		"demo for everybody":     {args: []string{"-listen", "0.0.0.0:8080"}, want: "loopback"},
		"demo on all interfaces": {args: []string{"-listen", ":8080"}, want: "loopback"},
		"role":                   {args: []string{"-roles", "api,cook"}, want: "BOXOFFICE_ROLES"},
		"archive age":            {args: []string{"-archive-after", "24h"}, want: "BOXOFFICE_ARCHIVE_AFTER"},
		"log outlives orders":    {args: []string{"-archive-after", "720h", "-log-age", "721h"}, want: "BOXOFFICE_LOG_AGE"},
		"log for ever":           {args: []string{"-archive-after", "720h", "-log-age", "0"}, want: "BOXOFFICE_LOG_AGE"},
		"batch":                  {args: []string{"-max-batch", "0"}, want: "BOXOFFICE_MAX_BATCH"},
		"window":                 {env: map[string]string{"BOXOFFICE_PAY_WINDOW": "soon"}, want: "BOXOFFICE_PAY_WINDOW"},
		"short window":           {args: []string{"-pay-window", "10ms"}, want: "BOXOFFICE_PAY_WINDOW"},
		"short grace":            {args: []string{"-sweep-grace", "0s"}, want: "BOXOFFICE_SWEEP_GRACE"},
		"log age":                {args: []string{"-log-age", "-1h"}, want: "BOXOFFICE_LOG_AGE"},
		"log format":             {args: []string{"-log-format", "xml"}, want: "text or json"},
		"traces by gRPC": {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
			want: "http/protobuf"},
		"trace sampler": {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_SAMPLER": "parentbased_ratio"},
			want: "OTEL_TRACES_SAMPLER"},
		"trace ratio": {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_SAMPLER": "traceidratio",
			"OTEL_TRACES_SAMPLER_ARG": "1%"}, want: "OTEL_TRACES_SAMPLER_ARG"},
		"trace exporter": {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "zipkin"},
			want: "OTEL_TRACES_EXPORTER"},
		"log bytes":           {env: map[string]string{"BOXOFFICE_LOG_BYTES": "-1"}, want: "BOXOFFICE_LOG_BYTES"},
		"quoted secret":       {env: map[string]string{"BOXOFFICE_JWT_SECRET": `"` + secret + `"`}, want: "BOXOFFICE_JWT_SECRET"},
		"secret of two lines": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret + "\r\n" + secret}, want: "BOXOFFICE_JWT_SECRET"},
		"quoted webhook secret": {
			env:  map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_WEBHOOK_SECRET": "'" + testWebhook + "'"},
			want: "BOXOFFICE_WEBHOOK_SECRET",
		},
		"one database": {args: []string{"-stock-dsn", "mysql://x@h/a", "-order-dsn", "mysql://x@h/a"}, want: "two databases"},
		"ticket key": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_WEBHOOK_SECRET": testWebhook,
			"BOXOFFICE_TICKET_KEY": "c2hvcnQ="}, want: "BOXOFFICE_TICKET_KEY"},
		"ticket key alone": {env: map[string]string{"BOXOFFICE_TICKET_KEY": ticketKey}, want: "BOXOFFICE_JWT_SECRET"},
		"tickets without a key": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_WEBHOOK_SECRET": testWebhook},
			args: []string{"-tickets-dsn", "sqlite:/x/tickets.db"}, want: "BOXOFFICE_TICKET_KEY"},
		"tickets without a database": {env: map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_WEBHOOK_SECRET": testWebhook,
			"BOXOFFICE_TICKET_KEY": ticketKey}, args: []string{"-order-dsn", "mysql://x@h/a"}, want: "BOXOFFICE_TICKETS_DSN"},
		"tickets in another's database": {args: []string{"-roles", "tickets", "-order-dsn", "mysql://x@h/a", "-tickets-dsn", "mysql://x@h/a"},
			want: "BOXOFFICE_TICKETS_DSN"},
		"role tickets without tickets": {args: []string{"-roles", "tickets"}, want: "BOXOFFICE_TICKETS_DSN"},
		"demo with another's tickets":  {args: []string{"-tickets-dsn", "mysql://x@h/a"}, want: "BOXOFFICE_JWT_SECRET"},
		"queue prefix":                 {env: map[string]string{"BOXOFFICE_QUEUE_PREFIX": "east%"}, want: "BOXOFFICE_QUEUE_PREFIX"},
		"long queue prefix":            {args: []string{"-queue-prefix", strings.Repeat("x", 33)}, want: "BOXOFFICE_QUEUE_PREFIX"},
		"argument":                     {args: []string{"sell"}, want: "unknown argument"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseArgs(t, test.env, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, test.want)
			}
		})
	}
}

// A secret from a file ends with a line break. The one was trimmed and the other was not, so that every token failed.
func TestSecretsMayEndWithALineBreak(t *testing.T) {
	const secret, webhook = "0123456789abcdef0123456789abcdef", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	c, err := parseArgs(t, map[string]string{"BOXOFFICE_JWT_SECRET": secret + "\r\n", "BOXOFFICE_WEBHOOK_SECRET": webhook + "\n"})
	if err != nil || c.JWTSecret != secret || len(c.WebhookSecrets) != 1 || c.WebhookSecrets[0] != webhook {
		t.Errorf("secrets %q and %q, %v", c.JWTSecret, c.WebhookSecrets, err)
	}
}

// BOXOFFICE_PAYWINDOW was ignored without a word.
func TestUnknownSettingStopsTheStart(t *testing.T) {
	for setting, refused := range map[string]bool{
		"BOXOFFICE_PAYWINDOW=5m": true, "BOXOFFICE_STOCK_DNS=x": true, "BOXOFFICE_PAY_WINDOW=5m": false,
		"BOXOFFICE_JWT_SECRET=x": false, "BOXOFFICE_TEST_MYSQL=x": false, "BOXOFFICE_STACK_DIR=x": false, "BOXOFFICE_OLD=": false,
		"OTHER_PAYWINDOW=5m": false,
	} {
		err := CheckEnvironment([]string{"PATH=/bin", setting})
		if name, _, _ := strings.Cut(setting, "="); (err != nil) != refused || refused && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

// Whoever had misspelt a setting was told to look through all of them.
func TestUnknownSettingNamesTheNearest(t *testing.T) {
	for given, meant := range map[string]string{
		"BOXOFFICE_PAYWINDOW": "BOXOFFICE_PAY_WINDOW", "BOXOFFICE_STOCK_DNS": "BOXOFFICE_STOCK_DSN", "BOXOFFICE_JWTSECRET": "BOXOFFICE_JWT_SECRET",
		"BOXOFFICE_WEBHOOK_SECRETS_FILE": "BOXOFFICE_WEBHOOK_SECRET_FILE", "BOXOFFICE_DATADIR": "BOXOFFICE_DATA_DIR",
		"BOXOFFICE_MYSQL_PASSWORD": "", "BOXOFFICE_X": "", "BOXOFFICE_": "",
	} {
		err := CheckEnvironment([]string{given + "=x"})
		if want := "no such setting, but " + meant + ";"; err == nil || meant != "" && !strings.Contains(err.Error(), want) ||
			meant == "" && strings.Contains(err.Error(), "but") {
			t.Errorf("%s: %v, want that %q is named", given, err, meant)
		}
	}
}

// A DSN has a password, and could not be in a file: where secrets are mounted as files, it stood in the environment, which
// whoever can describe a container reads.
func TestDSNsFromFiles(t *testing.T) {
	env := officeEnv(map[string]string{"BOXOFFICE_SMTP_URL": "smtps://mail.example", "BOXOFFICE_MAIL_FROM": "rex@rex.example",
		"BOXOFFICE_PUBLIC_URL": "https://rex.example", "BOXOFFICE_TICKET_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="})
	for _, service := range []string{"stock", "order", "tickets", "notify"} {
		file := filepath.Join(t.TempDir(), service)
		if err := os.WriteFile(file, []byte("mysql://u:p@h/"+service+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		name := "BOXOFFICE_" + strings.ToUpper(service) + "_DSN_FILE"
		env[name] = file
		if err := CheckEnvironment([]string{name + "=x"}); err != nil {
			t.Error(err)
		}
	}
	c, err := parseArgs(t, env)
	if got := []string{c.StockDSN, c.OrderDSN, c.TicketsDSN, c.Notify.DSN}; err != nil || !slices.Equal(got,
		[]string{"mysql://u:p@h/stock", "mysql://u:p@h/order", "mysql://u:p@h/tickets", "mysql://u:p@h/notify"}) {
		t.Errorf("%q, %v", got, err)
	}
	env["BOXOFFICE_STOCK_DSN"] = "mysql://u:p@h/stock"
	if _, err := parseArgs(t, env); err == nil || !strings.Contains(err.Error(), "BOXOFFICE_STOCK_DSN_FILE") {
		t.Errorf("a DSN and its file: %v", err)
	}
	if err := CheckEnvironment([]string{"BOXOFFICE_LISTEN_FILE=x"}); err == nil {
		t.Error("an address can be in a file")
	}
}

// A secret in a file is read from it, and the line break at its end is no part of it.
func TestSecretsFromFiles(t *testing.T) {
	const secret, webhook = "0123456789abcdef0123456789abcdef", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	env := map[string]string{}
	for name, text := range map[string]string{"BOXOFFICE_JWT_SECRET": secret, "BOXOFFICE_WEBHOOK_SECRET": webhook} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		env[name+"_FILE"] = file
	}
	c, err := parseArgs(t, env)
	if err != nil || c.JWTSecret != secret || len(c.WebhookSecrets) != 1 || c.WebhookSecrets[0] != webhook || c.Demo {
		t.Errorf("%+v, %v", c, err)
	}
	if err := CheckEnvironment([]string{"BOXOFFICE_JWT_SECRET_FILE=x", "BOXOFFICE_STRIPE_KEY=x"}); err != nil {
		t.Error(err)
	}
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, make([]byte, secretBytesMax+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := parseArgs(t, map[string]string{"BOXOFFICE_JWT_SECRET_FILE": big}); err == nil {
		t.Error("a file of any size was read")
	}
}

// An ID token, which is issued to the shop to say who has signed in, lies in logs and histories of browsers. With the shop as
// the audience of bearer tokens, whoever finds one could call the API with it.
func TestIDTokenIsNoBearerToken(t *testing.T) {
	env := map[string]string{
		"BOXOFFICE_JWT_SECRET":     "0123456789abcdef0123456789abcdef",
		"BOXOFFICE_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"BOXOFFICE_OIDC_ISSUER":    "https://login.example", "BOXOFFICE_PUBLIC_URL": "https://shop.example",
		"BOXOFFICE_OIDC_CLIENT_ID": "shop", "BOXOFFICE_OIDC_AUDIENCE": "shop",
	}
	if _, err := parseArgs(t, env, "-listen", ":8080"); err == nil ||
		!strings.HasPrefix(err.Error(), "set BOXOFFICE_OIDC_AUDIENCE to another value than BOXOFFICE_OIDC_CLIENT_ID") {
		t.Errorf("the shop as the audience of bearer tokens: %v", err)
	}
	delete(env, "BOXOFFICE_OIDC_CLIENT_ID") // nobody signs in on the page
	if _, err := parseArgs(t, env, "-listen", ":8080"); err != nil {
		t.Errorf("no sign-in on the page: %v", err)
	}
}

// What is needed for a sign-in on the page and for bearer tokens, and no more.
func TestIdentityProviderIsConfigured(t *testing.T) {
	env := map[string]string{
		"BOXOFFICE_JWT_SECRET":     "0123456789abcdef0123456789abcdef",
		"BOXOFFICE_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"BOXOFFICE_OIDC_ISSUER":    "https://login.example/realms/shop", "BOXOFFICE_OIDC_CLIENT_ID": "shop",
		"BOXOFFICE_OIDC_CLIENT_SECRET": "hush\n", "BOXOFFICE_PUBLIC_URL": "https://shop.example", "BOXOFFICE_OIDC_AUDIENCE": "api",
	}
	c, err := parseArgs(t, env, "-listen", ":8080")
	if err != nil || c.Demo || c.Identity.ClientSecret != "hush" || c.Identity.Issuer != "https://login.example/realms/shop" ||
		c.Identity.RolesClaim != "roles" || c.Identity.SessionLife != 12*time.Hour {
		t.Errorf("%+v, %v", c.Identity, err)
	}
	for _, left := range []string{"BOXOFFICE_OIDC_CLIENT_SECRET", "BOXOFFICE_OIDC_AUDIENCE"} {
		delete(env, left)
		if _, err := parseArgs(t, env, "-listen", ":8080"); err != nil {
			t.Errorf("without %s: %v", left, err)
		}
	}
	env["BOXOFFICE_OIDC_ISSUER"] = "http://127.0.0.1:5556/dex"
	if _, err := parseArgs(t, env); err != nil {
		t.Errorf("a provider on this machine: %v", err)
	}
}

// An office from before there were tickets goes on without; a key brings them, beside its other SQLite files.
func TestTicketsAreOnWithAKey(t *testing.T) {
	env := map[string]string{
		"BOXOFFICE_JWT_SECRET":     "0123456789abcdef0123456789abcdef",
		"BOXOFFICE_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
	}
	if c, err := parseArgs(t, env); err != nil || c.HasTickets() || c.UsesTickets() {
		t.Errorf("without a key: %+v, %v", c, err)
	}
	env["BOXOFFICE_TICKET_KEY"] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	if c, err := parseArgs(t, env); err != nil || c.TicketsDSN != "sqlite:data/tickets.db" || !c.UsesTickets() {
		t.Errorf("with a key: %+v, %v", c, err)
	}
	if c, err := parseArgs(t, env, "-roles", "stock,order"); err != nil || !c.HasTickets() || c.UsesTickets() {
		t.Errorf("in a process of other roles: %+v, %v", c, err)
	}
	if c, err := parseArgs(t, nil); err != nil || c.TicketsDSN != "sqlite:data/tickets.db" {
		t.Errorf("demo: %+v, %v", c, err)
	}
}

func TestTracesAreOffUnlessACollectorIsNamed(t *testing.T) {
	const endpoint = "http://collector:4318"
	for name, test := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"nothing":         {nil, false},
		"endpoint":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, true},
		"traces endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint}, true},
		"none":            {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "none"}, false},
		"disabled":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SDK_DISABLED": "true"}, false},
		"sampler":         {map[string]string{"OTEL_TRACES_SAMPLER": "nonsense"}, false},
	} {
		if c, err := parseArgs(t, test.env); err != nil || c.Traces != test.want {
			t.Errorf("%s: %v, %v", name, c.Traces, err)
		}
	}
}
