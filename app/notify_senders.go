package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"time"

	"boxoffice/app/settings"
	"boxoffice/notify"
	"boxoffice/notify/sms"
	"boxoffice/notify/smtp"
)

// notifySenders makes what hands messages over, for each channel.
func notifySenders(config settings.Config, now func() time.Time) (map[notify.Channel]notify.Sender, error) {
	senders := map[notify.Channel]notify.Sender{}
	for _, channel := range config.NotifyChannels() {
		made, err := notifySender(config, channel, now)
		if err != nil {
			return nil, err
		}
		senders[channel] = made
	}
	return senders, nil
}

func notifySender(config settings.Config, channel notify.Channel, now func() time.Time) (notify.Sender, error) {
	switch {
	case config.Demo:
		return demoMailbox{}, nil
	case !config.HasRole(settings.RoleNotify):
		return sentElsewhere{}, nil
	case channel == notify.ChannelMail:
		return mailSender(config.Notify)
	}
	made, err := sms.New(sms.Options{URL: config.Notify.SMSURL, Secret: config.Notify.SMSSecret, Now: now})
	if err != nil {
		return nil, fmt.Errorf("set BOXOFFICE_SMS_URL and %s to a gateway and its secret: %w", settings.EnvSMSSecret, err)
	}
	return made, nil
}

func mailSender(config settings.NotifyConfig) (notify.Sender, error) {
	server := config.SMTP
	port, err := strconv.Atoi(server.Port)
	if err != nil {
		return nil, fmt.Errorf("set %s to one with a port: %w", settings.EnvSMTPURL, err)
	}
	options := smtp.Options{
		Host: server.Host, Port: port, Security: smtp.StartTLS, Username: server.User, Password: server.Password,
		From: config.MailFrom,
	}
	switch {
	case server.Implicit:
		options.Security = smtp.TLS
	case server.Plain:
		options.Security = smtp.Plain
	}
	if server.CAFile != "" {
		if options.RootCAs, err = readAuthorities(server.CAFile); err != nil {
			return nil, fmt.Errorf("set tls-ca in %s to a file of certificates: %w", settings.EnvSMTPURL, err)
		}
	}
	made, err := smtp.New(options)
	if err != nil {
		return nil, fmt.Errorf("set %s and BOXOFFICE_MAIL_FROM to a mail server and a sender: %w", settings.EnvSMTPURL, err)
	}
	return made, nil
}

// readAuthorities reads certificates in PEM.
func readAuthorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return pool, nil
}

// demoMailbox takes whatever is sent: it is read in the database, and nothing leaves this machine.
type demoMailbox struct{}

// Send implements notify.Sender.
func (demoMailbox) Send(context.Context, notify.Message) error { return nil }

// sentElsewhere stands for a channel by which another process sends: this one only says what there is to tell.
type sentElsewhere struct{}

// Send implements notify.Sender.
func (sentElsewhere) Send(context.Context, notify.Message) error { return notify.ErrAway }
