package notify

import (
	"cmp"
	"context"
	"fmt"

	"boxoffice/common/db"
)

// ContactOf returns where a buyer is told, or ErrContactAbsent.
func (s *Service) ContactOf(ctx context.Context, buyerID string) (Contact, error) {
	contacts, err := readContacts(ctx, s.db, []string{buyerID})
	if err != nil {
		return Contact{}, s.unavailable(err)
	}
	c, exists := contacts[buyerID]
	if !exists {
		return Contact{}, ErrContactAbsent
	}
	return c, nil
}

// SetContact records where a buyer is told from now on, also of the orders that the buyer has now: of those that wait for
// their payment, and of those that are paid. What was sent to another address is not sent again: whoever can name an address
// could else have it written to again and again. What could not be sent, for want of a contact or since the address before
// was refused, is due again. It fails with ErrContactInvalid, whose text says what is wrong. After
// another error the contact may be recorded; to repeat it makes up for what is missing. An empty language is English.
func (s *Service) SetContact(ctx context.Context, c Contact) error {
	c.Language = cmp.Or(c.Language, English)
	if err := c.check(); err != nil {
		return err
	}
	write := func() error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return writeContact(ctx, tx, c, s.Now()) })
	}
	err := write()
	if s.db.IsDuplicate(err) { // another call has just made it
		err = write()
	}
	if err != nil {
		return s.unavailable(err)
	}
	if s.OrdersOf == nil {
		return nil
	}
	purchases, err := s.OrdersOf(ctx, c.BuyerID)
	if err != nil {
		return fmt.Errorf("read orders of a buyer: %w", err)
	}
	return s.follow(ctx, c.BuyerID, purchases)
}

// DeleteContact forgets where a buyer is told, and where the buyer was told. What is due is skipped. It succeeds also when
// there is none.
func (s *Service) DeleteContact(ctx context.Context, buyerID string) error {
	return s.unavailable(s.db.InTx(ctx, func(tx *db.Tx) error { return deleteContact(ctx, tx, buyerID) }))
}
