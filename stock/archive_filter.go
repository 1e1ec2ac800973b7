package stock

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"boxoffice/common/db"
)

// FilterRequests adds the request ids of an archive whose file is being written to the filter, in steps that each lock it
// for a few milliseconds. It comes before the first deletion: a filter that knows too many ids costs a look, one that
// knows too few lets a key buy twice. The more ids come at once, the fewer of its blocks are written twice.
func (s *Stock) FilterRequests(ctx context.Context, l ArchiveLease, requestIDs []string) error {
	blocks, err := filterBlocksOf(requestIDs)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(blocks)), filterStep) {
		now := s.now()
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			if err := l.renew(ctx, tx, now); err != nil {
				return err
			}
			return addToFilter(ctx, tx, some, blocks)
		})
		if err != nil {
			return s.archiveFailed("add request ids to the filter", err)
		}
	}
	return nil
}

// filterBlocksOf returns the blocks of a layer that has the request ids and nothing else.
func filterBlocksOf(requestIDs []string) (map[int][]byte, error) {
	blocks := map[int][]byte{}
	for _, requestID := range requestIDs {
		id, err := ParseID(requestID)
		if err != nil {
			return nil, err
		}
		p := placeOf(id[:])
		if blocks[p.block] == nil {
			blocks[p.block] = make([]byte, filterBlockBytes)
		}
		p.addTo(blocks[p.block])
	}
	return blocks, nil
}

// addToFilter adds some of the blocks to the newest layer. Writers take turns: what one adds to a block the next one
// reads.
func addToFilter(ctx context.Context, tx *db.Tx, some []int, blocks map[int][]byte) error {
	if err := tx.ExecGuarded(ctx, 1, `UPDATE archived_filter SET layer = layer + 1 WHERE block = ?`, filterLock); err != nil {
		return fmt.Errorf("lock the filter: %w", err)
	}
	var archived int64
	if err := tx.GetContext(ctx, &archived, `SELECT COALESCE(SUM(orders), 0) FROM archives`); err != nil {
		return fmt.Errorf("count archived orders: %w", err)
	}
	layer := archived / filterLayerIDs
	args := append([]any{layer}, db.Args(some)...)
	var rows []filterRow
	if err := tx.SelectContext(ctx, &rows, `SELECT block, bits FROM archived_filter
		WHERE layer = ? AND block IN `+db.In(len(some)), args...); err != nil {
		return fmt.Errorf("read the filter: %w", err)
	}
	for _, row := range rows {
		for i, b := range row.Bits {
			blocks[row.Block][i] |= b
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM archived_filter WHERE layer = ? AND block IN `+db.In(len(some)), args...); err != nil {
		return fmt.Errorf("write the filter: %w", err)
	}
	values := make([]any, 0, 3*len(some))
	for _, block := range some {
		values = append(values, block, layer, blocks[block])
	}
	if err := tx.Insert(ctx, `archived_filter (block, layer, bits)`, values); err != nil {
		return fmt.Errorf("write the filter: %w", err)
	}
	return nil
}
