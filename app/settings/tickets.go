package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"boxoffice/tickets"
)

// HasTickets tells whether paid orders get tickets.
func (c Config) HasTickets() bool { return c.TicketsDSN != "" }

// UsesTickets tells whether this process needs the tickets database.
func (c Config) UsesTickets() bool {
	return c.HasTickets() && (c.HasRole(RoleAPI) || c.HasRole(RoleTickets) || c.mailsTickets())
}

// mailsTickets tells whether this process sends tickets to those who have paid for them.
func (c Config) mailsTickets() bool { return c.HasNotify() && c.HasRole(RoleNotify) }

// completeTickets decides whether there are tickets: a key or a database asks for them, and the demo has them. An office
// from before they existed goes on without. The key is one of its own, because codes that are printed outlive the secret
// of tokens: that one can then be replaced at once, when it has leaked, and nobody's ticket becomes void.
func (c *Config) completeTickets() error {
	switch asked := c.TicketsDSN != "" || len(c.TicketKeys) > 0 || c.Demo; {
	case asked && c.TicketsDSN == "" && !strings.HasPrefix(c.OrderDSN, "sqlite:"):
		return errors.New("set BOXOFFICE_TICKETS_DSN to a database of its own: all processes of an office share one")
	case (asked || c.isTool) && c.TicketsDSN == "" && strings.HasPrefix(c.OrderDSN, "sqlite:"):
		c.TicketsDSN = "sqlite:" + filepath.Join(c.DataDir, "tickets.db")
	case !asked && !c.isTool && len(c.Roles) == 1 && c.HasRole(RoleTickets):
		return errors.New("set BOXOFFICE_TICKETS_DSN to the database of the tickets, which this process is to make")
	}
	switch {
	case !c.HasTickets():
		return nil
	case c.TicketsDSN == c.StockDSN || c.TicketsDSN == c.OrderDSN || c.TicketsDSN == c.Notify.DSN:
		return errors.New("set BOXOFFICE_TICKETS_DSN to a database of its own: each service owns one")
	case !c.HasRole(RoleAPI) && !c.mailsTickets() || c.Demo || c.isTool:
		return nil
	}
	return c.CheckTicketKeys()
}

// CheckTicketKeys checks that there is a key, and that each is one.
func (c *Config) CheckTicketKeys() error {
	if _, err := tickets.ParseKeys(c.TicketKeys); err != nil {
		return fmt.Errorf("set %s to the base64 of 32 random bytes (several, for rotation, with spaces between, the one that signs first): one %w",
			EnvTicketKey, err)
	}
	return nil
}
