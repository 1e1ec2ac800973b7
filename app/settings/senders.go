package settings

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"boxoffice/notify"
	"boxoffice/payment/webhook"
)

// The ports of a mail server that is given without one: submission with TLS from the first byte, and with STARTTLS
// (RFC 8314).
const (
	portSMTPS    = "465"
	portStartTLS = "587"
)

// The parameters of the URL of a mail server, named as those of a DSN.
const (
	paramTLS = "tls"
	paramCA  = "tls-ca"
)

const mailFromMax = 320 // bytes, name and address

// NotifyConfig is the settings of mail and SMS.
type NotifyConfig struct {
	DSN       string     // of their own database; empty: nobody is told anything
	SMTP      MailServer // its zero value sends no mail
	MailFrom  string     // address that mail comes from, perhaps with a name
	SMSURL    string     // to which messages to phones are posted; empty: none are
	SMSSecret string     // that signs them

	Channels []notify.Channel // by which the office tells its buyers; empty: by what is configured here

	smtpURL, channels string // as they were given
}

// MailServer is where mail is handed over.
type MailServer struct {
	Host, Port     string
	User, Password string // empty: it asks for none
	Implicit       bool   // TLS from the first byte; otherwise by STARTTLS
	Plain          bool   // no TLS at all
	CAFile         string // of the authorities' certificates; empty: the system's
}

func (c *NotifyConfig) define(flags *flag.FlagSet) {
	flags.StringVar(&c.DSN, "notify-dsn", "",
		"database of mail and SMS, mysql://user:password@host:port/name (empty: SQLite, if the order database is)")
	flags.StringVar(&c.MailFrom, "mail-from", "", "address that mail comes from: Rex <tickets@rex.example>")
	flags.StringVar(&c.SMSURL, "sms-url", "", "URL to which messages to phones are posted, signed as a Standard Webhook")
	flags.StringVar(&c.channels, "notify-channels", "",
		"how the processes of the role notify tell buyers: mail, sms or mail,sms (empty: by what is configured here)")
}

func (c *NotifyConfig) readSecrets(secrets map[string]string) {
	c.smtpURL, c.SMSSecret = secrets[EnvSMTPURL], secrets[EnvSMSSecret]
}

// any tells whether something of mail and SMS is configured.
func (c *NotifyConfig) any() bool {
	return c.DSN != "" || c.MailFrom != "" || c.channels != "" || c.sends()
}

// sends tells whether something that leaves this machine is configured.
func (c *NotifyConfig) sends() bool { return c.smtpURL != "" || c.SMSURL != "" || c.SMSSecret != "" }

// HasMail tells whether mail is sent.
func (c *NotifyConfig) HasMail() bool { return c.SMTP.Host != "" }

// HasSMS tells whether messages to phones are sent.
func (c *NotifyConfig) HasSMS() bool { return c.SMSURL != "" }

// complete checks the settings of what sends, and reads the URL of the mail server. An error is one sentence that says what
// to set, without the URL, which holds a password.
func (c *NotifyConfig) complete() error {
	if err := c.readChannels(); err != nil {
		return err
	}
	switch {
	case c.MailFrom != "" && !isMailbox(c.MailFrom):
		return errors.New("set BOXOFFICE_MAIL_FROM to one address, perhaps with a name: Rex <tickets@rex.example>")
	case c.smtpURL != "" && c.MailFrom == "":
		return errors.New("set BOXOFFICE_MAIL_FROM to the address that mail comes from")
	case c.SMSURL == "" && c.SMSSecret != "":
		return errors.New("set BOXOFFICE_SMS_URL to the URL to which messages to phones are posted")
	case c.SMSURL != "" && !isSafeURL(c.SMSURL):
		return errors.New("set BOXOFFICE_SMS_URL to an https URL: whoever is between would read buyers' numbers")
	case c.SMSURL != "" && webhook.CheckSecret(c.SMSSecret) != nil:
		return fmt.Errorf("set %s to whsec_ and the base64 of 24 to 64 bytes: it signs what is posted to BOXOFFICE_SMS_URL", EnvSMSSecret)
	case c.smtpURL == "":
		return nil
	}
	server, err := parseMailServer(c.smtpURL)
	if err != nil {
		return fmt.Errorf("set %s to smtps://user:password@host, or to smtp://user:password@host for STARTTLS: %w", EnvSMTPURL, err)
	}
	c.SMTP = server
	return nil
}

// readChannels reads the list of channels.
func (c *NotifyConfig) readChannels() error {
	if c.channels == "" {
		return nil
	}
	for name := range strings.SplitSeq(c.channels, ",") {
		channel := notify.Channel(strings.TrimSpace(name))
		if channel != notify.ChannelMail && channel != notify.ChannelSMS || slices.Contains(c.Channels, channel) {
			return fmt.Errorf("set BOXOFFICE_NOTIFY_CHANNELS to mail, sms or mail,sms, not to %q", c.channels)
		}
		c.Channels = append(c.Channels, channel)
	}
	slices.Sort(c.Channels)
	return nil
}

// joined is a list of channels as a setting has it.
func joined(channels []notify.Channel) string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = string(c)
	}
	return strings.Join(names, ",")
}

// isMailbox tells whether text is one address that fits a header.
func isMailbox(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && len(text) <= mailFromMax && !strings.ContainsAny(address.Name+address.Address, "\r\n\x00")
}

// parseMailServer reads the URL of a mail server. Nothing goes to another machine without TLS, unless the URL says so; and a
// password never does.
func parseMailServer(text string) (MailServer, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Opaque != "":
		return MailServer{}, errors.New("it cannot be read (in user and password special characters are percent-encoded)")
	case u.Scheme != "smtps" && u.Scheme != "smtp":
		return MailServer{}, fmt.Errorf("it begins with %q", u.Scheme)
	case u.Hostname() == "":
		return MailServer{}, errors.New("it names no host")
	case u.Path != "" && u.Path != "/" || u.Fragment != "":
		return MailServer{}, errors.New("nothing but parameters may follow the host")
	}
	s := MailServer{Host: u.Hostname(), Implicit: u.Scheme == "smtps", User: u.User.Username()}
	s.Password, _ = u.User.Password()
	if (s.User == "") != (s.Password == "") {
		return MailServer{}, errors.New("a user needs a password, and a password a user")
	}
	s.Port = cmp.Or(u.Port(), map[bool]string{true: portSMTPS, false: portStartTLS}[s.Implicit])
	if port, err := strconv.Atoi(s.Port); err != nil || port < 1 || port > 65535 {
		return MailServer{}, errors.New("its port is none")
	}
	return s, s.readParameters(u.RawQuery)
}

// readParameters reads what follows the host: tls=false, or tls-ca=FILE.
func (s *MailServer) readParameters(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("its parameters cannot be read")
	}
	for name, given := range values {
		if name != paramTLS && name != paramCA || len(given) != 1 || given[0] == "" {
			return fmt.Errorf("its parameter %q is none: tls and tls-ca are, once each", name)
		}
	}
	mode := values.Get(paramTLS)
	s.CAFile = values.Get(paramCA)
	s.Plain = mode == "false" || mode == "" && s.CAFile == "" && !s.Implicit && isLocalHost(s.Host)
	switch {
	case mode != "" && mode != "true" && mode != "false":
		return errors.New("its parameter tls is true or false")
	case s.Plain && (s.Implicit || s.CAFile != ""):
		return errors.New("it says tls=false beside what needs TLS")
	case s.Plain && s.Password != "" && !isLocalHost(s.Host):
		return errors.New("it says tls=false, and anybody between could read the password")
	case s.CAFile == "":
		return nil
	}
	if _, err := os.Stat(s.CAFile); err != nil {
		return fmt.Errorf("its parameter tls-ca names no file that can be read: %w", err)
	}
	return nil
}
