package settings

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"boxoffice/notify"
)

// UsesNotify tells whether this process needs the database of mail and SMS.
func (c Config) UsesNotify() bool {
	return c.HasNotify() && (c.HasRole(RoleAPI) || c.HasRole(RoleNotify))
}

// NotifyChannels are the ways in which this office tells its buyers, as far as this process knows. A shop that leaves sending
// to others, and knows only their database, takes it that they send mail.
func (c Config) NotifyChannels() []notify.Channel {
	var channels []notify.Channel
	if c.Demo || c.Notify.HasMail() || !c.Notify.HasSMS() {
		channels = append(channels, notify.ChannelMail)
	}
	if c.Demo || c.Notify.HasSMS() {
		channels = append(channels, notify.ChannelSMS)
	}
	return channels
}

// completeNotify decides whether there are mail and SMS: any setting of theirs asks for them, and the demo has them, in a
// mailbox of its own that nothing leaves. An office from before they existed goes on without.
func (c *Config) completeNotify() error {
	if err := c.Notify.complete(); err != nil {
		return err
	}
	alone := len(c.Roles) == 1 && c.HasRole(RoleNotify)
	switch asked, isFile := c.Notify.any() || c.Demo, strings.HasPrefix(c.OrderDSN, "sqlite:"); {
	case c.Notify.DSN == "" && asked && !isFile:
		return errors.New("set BOXOFFICE_NOTIFY_DSN to a database of its own: all processes of an office share one")
	case c.Notify.DSN == "" && (asked || c.isTool) && isFile:
		c.Notify.DSN = "sqlite:" + filepath.Join(c.DataDir, "notify.db")
	case !asked && !c.isTool && alone:
		return errors.New("set BOXOFFICE_NOTIFY_DSN to the database of mail and SMS, which this process is to send")
	}
	switch {
	case !c.HasNotify():
		return nil
	case slices.Contains([]string{c.StockDSN, c.OrderDSN, c.TicketsDSN}, c.Notify.DSN):
		return errors.New("set BOXOFFICE_NOTIFY_DSN to a database of its own: each service owns one")
	case c.Demo || c.isTool || !c.HasRole(RoleNotify):
		return nil
	case !c.Notify.HasMail() && !c.Notify.HasSMS():
		return errors.New("set BOXOFFICE_SMTP_URL to a mail server, or BOXOFFICE_SMS_URL, or leave the role notify to another process")
	case c.PublicURL == "" && (!c.HasRole(RoleAPI) || !isLoopback("http://"+c.Listen)):
		return errors.New("set BOXOFFICE_PUBLIC_URL to the shop's address, to which mail has links")
	}
	return nil
}
