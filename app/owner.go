package app

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
)

// openOwner reads, or makes at the first start, the id of this office: one in both databases and in every message, so
// that two offices that were given one cluster, or each other's database, refuse each other. The stock database has it
// first, so processes that start together agree.
func (o *office) openOwner(ctx context.Context) error {
	id, err := o.orderDB.Owner(ctx)
	if err != nil {
		return err
	}
	if id == "" {
		id = strings.ToLower(rand.Text())
	}
	if o.owner, err = o.stockDB.Own(ctx, id); err != nil {
		return err
	}
	id, err = o.orderDB.Own(ctx, o.owner)
	switch {
	case err != nil:
		return err
	case id != o.owner:
		return errors.New("set BOXOFFICE_STOCK_DSN and BOXOFFICE_ORDER_DSN to the databases of one office: these belong to two")
	}
	return nil
}
