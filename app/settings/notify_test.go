package settings

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// officeEnv is the settings of an office with secrets, and these.
func officeEnv(more map[string]string) map[string]string {
	env := map[string]string{
		"BOXOFFICE_JWT_SECRET":     "0123456789abcdef0123456789abcdef",
		"BOXOFFICE_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
	}
	maps.Copy(env, more)
	return env
}

// An office from before there was mail goes on without; a mail server brings it, beside its other SQLite files. The demo
// keeps its mail to itself.
func TestMailIsOnWithAServer(t *testing.T) {
	if c, err := parseArgs(t, officeEnv(nil)); err != nil || c.HasNotify() || c.UsesNotify() {
		t.Errorf("without a server: %+v, %v", c.Notify, err)
	}
	env := officeEnv(map[string]string{"BOXOFFICE_SMTP_URL": "smtps://rex:p%40ss@mail.example\n", "BOXOFFICE_MAIL_FROM": "Rex <t@rex.example>"})
	c, err := parseArgs(t, env)
	want := MailServer{Host: "mail.example", Port: "465", User: "rex", Password: "p@ss", Implicit: true}
	if err != nil || c.Notify.DSN != "sqlite:data/notify.db" || !c.UsesNotify() || c.Notify.SMTP != want || c.Notify.HasSMS() {
		t.Errorf("with a server: %+v, %v", c.Notify, err)
	}
	if c, err := parseArgs(t, env, "-roles", "stock,order"); err != nil || !c.HasNotify() || c.UsesNotify() {
		t.Errorf("in a process of other roles: %+v, %v", c.Notify, err)
	}
	if c, err := parseArgs(t, nil); err != nil || c.Notify.DSN != "sqlite:data/notify.db" || c.Notify.HasMail() || !c.Demo {
		t.Errorf("demo: %+v, %v", c.Notify, err)
	}
	shop := []string{"-roles", "api", "-notify-dsn", "mysql://x@h/n", "-notify-channels", "mail"}
	if c, err := parseArgs(t, officeEnv(nil), shop...); err != nil || !c.UsesNotify() {
		t.Errorf("a shop that leaves sending to others: %+v, %v", c.Notify, err)
	}
}

// A shop alone took it that the others send mail. In an office with SMS only it offered mail, and wrote down what nobody sent:
// it was due for ever. Nothing is guessed now: whoever sends knows the channels, and a shop alone is told them.
func TestShopIsToldTheChannels(t *testing.T) {
	const smsSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	phones := map[string]string{"BOXOFFICE_SMS_URL": "https://sms.example", "BOXOFFICE_SMS_SECRET": smsSecret}
	shop := map[string]string{"BOXOFFICE_ROLES": "api", "BOXOFFICE_NOTIFY_DSN": "mysql://x@h/n"}
	for name, test := range map[string]struct {
		env   map[string]string
		given string
		want  string // channels; empty: the setting is refused
	}{
		"who sends":                   {env: phones, want: "[sms]"},
		"who sends, and says so":      {env: phones, given: "sms", want: "[sms]"},
		"who sends, and says another": {env: phones, given: "mail,sms"},
		"shop":                        {env: shop},
		"shop of phones":              {env: shop, given: "sms", want: "[sms]"},
		"shop of both":                {env: shop, given: "sms, mail", want: "[mail sms]"},
		"shop of a pigeon":            {env: shop, given: "pigeon"},
		"shop of the same twice":      {env: shop, given: "sms,sms"},
		"process that is no shop": {env: map[string]string{"BOXOFFICE_ROLES": "stock", "BOXOFFICE_NOTIFY_DSN": "mysql://x@h/n"},
			want: "[]"},
	} {
		env := officeEnv(test.env)
		env["BOXOFFICE_NOTIFY_CHANNELS"] = test.given
		c, err := parseArgs(t, env)
		switch {
		case test.want == "" && (err == nil || !strings.Contains(err.Error(), "BOXOFFICE_NOTIFY_CHANNELS")):
			t.Errorf("%s: channels %s, error %v", name, c.NotifyChannels(), err)
		case test.want != "" && (err != nil || fmt.Sprint(c.NotifyChannels()) != test.want):
			t.Errorf("%s: channels %s, error %v; want %s", name, c.NotifyChannels(), err, test.want)
		}
	}
	if c, err := parseArgs(t, map[string]string{"BOXOFFICE_NOTIFY_CHANNELS": "mail"}); err == nil {
		t.Errorf("a demo, which has both, told to have mail: %s", c.NotifyChannels())
	}
}

// Nothing goes to another machine in the clear unless somebody has said so, and a password never does.
func TestMailServers(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]MailServer{
		"smtp://mail.example":                  {Host: "mail.example", Port: "587"},
		"smtp://u:p@mail.example:25/":          {Host: "mail.example", Port: "25", User: "u", Password: "p"},
		"smtp://127.0.0.1:1025":                {Host: "127.0.0.1", Port: "1025", Plain: true},
		"smtp://127.0.0.1:1025?tls=true":       {Host: "127.0.0.1", Port: "1025"},
		"smtp://[::1]:1025":                    {Host: "::1", Port: "1025", Plain: true},
		"smtp://mailpit:1025?tls=false":        {Host: "mailpit", Port: "1025", Plain: true},
		"smtps://mail.example?tls-ca=" + ca:    {Host: "mail.example", Port: "465", Implicit: true, CAFile: ca},
		"smtp://127.0.0.1?tls-ca=" + ca:        {Host: "127.0.0.1", Port: "587", CAFile: ca},
		"smtp://u:p@localhost:1025?tls=false":  {Host: "localhost", Port: "1025", User: "u", Password: "p", Plain: true},
		"mail.example:587":                     {},
		"http://mail.example":                  {},
		"smtp://":                              {},
		"smtp://u@mail.example":                {},
		"smtp://mail.example:0":                {},
		"smtp://mail.example/path":             {},
		"smtp://u:p@mail.example?tls=false":    {},
		"smtps://mail.example?tls=false":       {},
		"smtp://mail.example?tls=maybe":        {},
		"smtp://mail.example?starttls=true":    {},
		"smtp://mail.example?tls-ca=/no/such":  {},
		"smtp://mail.example?tls=true&tls=yes": {},
	} {
		got, err := parseMailServer(text)
		if refused := want == (MailServer{}); (err != nil) != refused || !refused && got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestBadMailSettingsSayWhatToSet(t *testing.T) {
	const smsSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"mail server that is none": {env: map[string]string{"BOXOFFICE_SMTP_URL": "mail.example", "BOXOFFICE_MAIL_FROM": "a@b.example"},
			want: "BOXOFFICE_SMTP_URL"},
		"mail from nobody":        {env: map[string]string{"BOXOFFICE_SMTP_URL": "smtps://mail.example"}, want: "BOXOFFICE_MAIL_FROM"},
		"mail from two":           {args: []string{"-mail-from", "a@b.example, c@d.example"}, want: "BOXOFFICE_MAIL_FROM"},
		"mail with a header":      {args: []string{"-mail-from", "a@b.example\r\nBcc: x@y.example"}, want: "BOXOFFICE_MAIL_FROM"},
		"sender and no server":    {args: []string{"-mail-from", "a@b.example"}, want: "BOXOFFICE_SMTP_URL"},
		"phones without a secret": {args: []string{"-sms-url", "https://sms.example/send"}, want: "BOXOFFICE_SMS_SECRET"},
		"phones without a URL":    {env: map[string]string{"BOXOFFICE_SMS_SECRET": smsSecret}, want: "BOXOFFICE_SMS_URL"},
		"phones without TLS": {env: map[string]string{"BOXOFFICE_SMS_SECRET": smsSecret}, want: "https",
			args: []string{"-sms-url", "http://sms.example"}},
		"a database and nothing sends": {args: []string{"-notify-dsn", "sqlite:/x/n.db"}, want: "BOXOFFICE_SMTP_URL"},
		"channels and nothing sends":   {args: []string{"-notify-channels", "mail"}, want: "BOXOFFICE_SMTP_URL"},
		"another's database": {args: []string{"-roles", "notify", "-order-dsn", "mysql://x@h/a", "-notify-dsn", "mysql://x@h/a"},
			want: "BOXOFFICE_NOTIFY_DSN"},
		"no database": {env: map[string]string{"BOXOFFICE_SMTP_URL": "smtps://mail.example", "BOXOFFICE_MAIL_FROM": "a@b.example"},
			args: []string{"-order-dsn", "mysql://x@h/a"}, want: "BOXOFFICE_NOTIFY_DSN"},
		"role notify without mail": {args: []string{"-roles", "notify"}, want: "BOXOFFICE_NOTIFY_DSN"},
		"no way back": {env: map[string]string{"BOXOFFICE_SMTP_URL": "smtps://mail.example", "BOXOFFICE_MAIL_FROM": "a@b.example"},
			args: []string{"-roles", "notify"}, want: "BOXOFFICE_PUBLIC_URL"},
	} {
		_, err := parseArgs(t, officeEnv(test.env), test.args...)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", name, err, test.want)
		}
	}
	// A mail server leads out of this machine, so that it is no demo's; and a demo's database is not another office's.
	for _, test := range []struct {
		env  map[string]string
		args []string
	}{
		{map[string]string{"BOXOFFICE_SMTP_URL": "smtp://127.0.0.1:1025", "BOXOFFICE_MAIL_FROM": "a@b.example"}, nil},
		{nil, []string{"-notify-dsn", "mysql://x@h/n"}},
	} {
		if c, err := parseArgs(t, test.env, test.args...); err == nil || !strings.Contains(err.Error(), "BOXOFFICE_JWT_SECRET") {
			t.Errorf("a demo with %v %v: %+v, %v", test.env, test.args, c.Notify, err)
		}
	}
	// Whoever reads the error must not read the password.
	env := officeEnv(map[string]string{"BOXOFFICE_SMTP_URL": "smtp://u:hunter2@mail.example:x", "BOXOFFICE_MAIL_FROM": "a@b.example"})
	if _, err := parseArgs(t, env); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %v", err)
	}
}
