package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"boxoffice/notify"
)

// UsesNotify tells whether this process needs the database of mail and SMS.
func (c Config) UsesNotify() bool {
	return c.HasNotify() && (c.HasRole(RoleAPI) || c.HasRole(RoleNotify))
}

// NotifyChannels are the ways in which this office tells its buyers. A shop that leaves sending to others cannot see them in
// the settings of what sends: it is told them.
func (c Config) NotifyChannels() []notify.Channel {
	if len(c.Notify.Channels) > 0 {
		return c.Notify.Channels
	}
	return c.ownChannels()
}

// ownChannels are those for which this process knows who carries messages.
func (c Config) ownChannels() []notify.Channel {
	var channels []notify.Channel
	if c.Demo || c.Notify.HasMail() {
		channels = append(channels, notify.ChannelMail)
	}
	if c.Demo || c.Notify.HasSMS() {
		channels = append(channels, notify.ChannelSMS)
	}
	return channels
}

// checkChannels fails for a process that would offer buyers another way to be told than those by which somebody sends. A
// guess would do that: what is told by a channel that nobody sends by is due for ever.
func (c Config) checkChannels() error {
	own := c.ownChannels()
	switch {
	case (c.Demo || c.HasRole(RoleNotify)) && len(c.Notify.Channels) > 0 && !slices.Equal(c.Notify.Channels, own):
		return fmt.Errorf("set BOXOFFICE_NOTIFY_CHANNELS to %s, by which this process sends, or leave it out", joined(own))
	case c.HasRole(RoleAPI) && len(c.NotifyChannels()) == 0:
		return errors.New("set BOXOFFICE_NOTIFY_CHANNELS to mail, sms or mail,sms: to how the processes of the role notify tell buyers")
	}
	return nil
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
	case c.isTool:
		return nil
	case c.Demo || !c.HasRole(RoleNotify):
		return c.checkChannels()
	case !c.Notify.HasMail() && !c.Notify.HasSMS():
		return errors.New("set BOXOFFICE_SMTP_URL to a mail server, or BOXOFFICE_SMS_URL, or leave the role notify to another process")
	case c.PublicURL == "" && (!c.HasRole(RoleAPI) || !isLoopback("http://"+c.Listen)):
		return errors.New("set BOXOFFICE_PUBLIC_URL to the shop's address, to which mail has links")
	}
	return c.checkChannels()
}
