package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"boxoffice/common/db"
)

// claimDatabases returns the id of the office that both databases belong to, and makes one at the first start. Every
// message has it too, so that two offices that were configured with one cluster, or with each other's database, refuse
// each other's. The stock database gets it first, so that processes that start together agree on one.
func claimDatabases(ctx context.Context, stockDB, orderDB *db.DB) (owner string, err error) {
	id, err := orderDB.Owner(ctx)
	if err != nil {
		return "", err
	}
	if id == "" {
		id = strings.ToLower(rand.Text())
	}
	owner, err = stockDB.Own(ctx, id)
	if err != nil {
		return "", err
	}
	id, err = orderDB.Own(ctx, owner)
	switch {
	case err != nil:
		return "", err
	case id != owner:
		return "", errors.New("set BOXOFFICE_STOCK_DSN and BOXOFFICE_ORDER_DSN to the databases of one office: these belong to two")
	}
	return owner, nil
}

// claimDatabase makes sure that a further database, which this setting names, belongs to the office of the other two.
func claimDatabase(ctx context.Context, d *db.DB, owner, setting string) error {
	id, err := d.Own(ctx, owner)
	switch {
	case err != nil:
		return err
	case id != owner:
		return errors.New("set " + setting + " to the database of this office: it belongs to another one")
	}
	return nil
}

// checkOwner makes sure that a database, which this setting names, belongs to the office of the stock database. One that belongs
// to none yet is left as it is.
func checkOwner(ctx context.Context, stockDB, d *db.DB, setting string) error {
	want, err := stockDB.Owner(ctx)
	if err != nil {
		return fmt.Errorf("BOXOFFICE_STOCK_DSN: %w", err)
	}
	got, err := d.Owner(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", setting, err)
	case got != "" && want != "" && got != want:
		return errors.New("set BOXOFFICE_STOCK_DSN and " + setting + " to the databases of one office: these belong to two")
	}
	return nil
}
