package stock

import (
	"context"
	"strings"

	"boxoffice/common/db"
)

// Holding names what one buyer holds of one screening.
type Holding struct{ ScreeningID, BuyerID string }

// HoldingChange is what one list adds to, or gives back from, what a buyer holds under a limit.
type HoldingChange struct {
	Holding
	Quantity int64
	Limit    int64
	Exists   bool // the row was there when it was planned; it is deleted only together with a change of the terms, on which the list is guarded
}

// Compare orders changes as every transaction makes them.
func (c HoldingChange) Compare(other HoldingChange) int {
	if order := strings.Compare(c.ScreeningID, other.ScreeningID); order != 0 {
		return order
	}
	return strings.Compare(c.BuyerID, other.BuyerID)
}

// takeHoldings adds to what the buyers hold, within the limit: new rows first, then one statement for each quantity. Two
// lists can deadlock here on MySQL; InTx then runs one of them again. A row that somebody made since the plan is a
// duplicate.
func takeHoldings(ctx context.Context, tx *db.Tx, changes []HoldingChange) error {
	var fresh []any
	for _, c := range changes {
		if !c.Exists {
			fresh = append(fresh, c.ScreeningID, c.BuyerID, c.Quantity)
		}
	}
	if err := tx.Insert(ctx, `holdings (screening_id, buyer_id, quantity)`, fresh); err != nil {
		return err
	}
	for _, same := range groupHoldings(changes, func(c HoldingChange) bool { return c.Exists }) {
		args := append([]any{same.quantity, same.screeningID, same.limit - same.quantity}, same.buyers...)
		if err := tx.ExecGuarded(ctx, len(same.buyers), `UPDATE holdings SET quantity = quantity + ?
			WHERE screening_id = ? AND quantity <= ? AND buyer_id IN `+db.In(len(same.buyers)), args...); err != nil {
			return err
		}
	}
	return nil
}

// returnHoldings takes off what released reservations held. A holding may be missing or too small for that: the limit was
// switched on, or off and on again, after they were reserved. Tickets must come back all the same.
func returnHoldings(ctx context.Context, tx *db.Tx, changes []HoldingChange) error {
	for _, same := range groupHoldings(changes, func(HoldingChange) bool { return true }) {
		args := append([]any{same.quantity, same.quantity, same.screeningID}, same.buyers...)
		if _, err := tx.ExecContext(ctx, `UPDATE holdings SET
			quantity = CASE WHEN quantity > ? THEN quantity - ? ELSE 0 END
			WHERE screening_id = ? AND buyer_id IN `+db.In(len(same.buyers)), args...); err != nil {
			return err
		}
	}
	return nil
}

// holdingGroup are changes that one statement can make: one screening, one quantity, many buyers.
type holdingGroup struct {
	screeningID string
	quantity    int64
	limit       int64
	buyers      []any
}

func groupHoldings(changes []HoldingChange, wanted func(HoldingChange) bool) []*holdingGroup {
	type key struct {
		screeningID string
		quantity    int64
	}
	var groups []*holdingGroup
	at := map[key]*holdingGroup{}
	for _, c := range changes {
		if !wanted(c) {
			continue
		}
		k := key{c.ScreeningID, c.Quantity}
		if at[k] == nil {
			at[k] = &holdingGroup{screeningID: c.ScreeningID, quantity: c.Quantity, limit: c.Limit}
			groups = append(groups, at[k])
		}
		at[k].buyers = append(at[k].buyers, c.BuyerID)
	}
	return groups
}
