package stock

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
)

// archivedRequests tells which of the request ids are those of archived orders.
func (s *Stock) archivedRequests(ctx context.Context, q sqlx.QueryerContext, requests []string) (map[string]bool, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	ids := make([][]byte, len(requests))
	for i, request := range requests {
		id, err := ParseID(request)
		if err != nil {
			return nil, err
		}
		ids[i] = id[:]
	}
	ids, err := s.possiblyArchived(ctx, q, ids)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var rows [][]byte
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT request_id FROM archived_requests
		WHERE request_id IN `+db.In(len(ids)), db.Args(ids)...); err != nil {
		return nil, err
	}
	found := make(map[string]bool, len(rows))
	for _, row := range rows {
		found[encodeID(row)] = true
	}
	return found, nil
}

// possiblyArchived returns those of the ids that may be archived; no other is.
func (s *Stock) possiblyArchived(ctx context.Context, q sqlx.QueryerContext, ids [][]byte) ([][]byte, error) {
	places := make([]filterPlace, len(ids))
	wanted := make([]int, len(ids))
	for i, id := range ids {
		places[i] = placeOf(id)
		wanted[i] = places[i].block
	}
	blocks, err := s.filterBlocks(ctx, q, wanted)
	if err != nil {
		return nil, fmt.Errorf("read the filter: %w", err)
	}
	var possible [][]byte
	for i, p := range places {
		if slices.ContainsFunc(blocks[p.block], p.isIn) {
			possible = append(possible, ids[i])
		}
	}
	return possible, nil
}

// filterRead is how many blocks are read by one statement.
const filterRead = 1024

// filterBlocks returns the bits of each layer of the blocks. Each writer of the filter counts its version up, in the
// column layer of the row that it locks.
func (s *Stock) filterBlocks(ctx context.Context, q sqlx.QueryerContext, wanted []int) (map[int][][]byte, error) {
	var version int64
	if err := sqlx.GetContext(ctx, q, &version, `SELECT layer FROM archived_filter WHERE block = ?`, filterLock); err != nil {
		return nil, err
	}
	if version == 0 {
		return nil, nil
	}
	known, missing := s.filter.recall(version, wanted)
	if len(missing) == 0 {
		return known, nil
	}
	slices.Sort(missing)
	read := make(map[int][][]byte, len(missing))
	for some := range slices.Chunk(slices.Compact(missing), filterRead) {
		var rows []filterRow
		if err := sqlx.SelectContext(ctx, q, &rows, `SELECT block, bits FROM archived_filter
			WHERE block IN `+db.In(len(some)), db.Args(some)...); err != nil {
			return nil, err
		}
		for _, block := range some {
			read[block] = nil // it may have no layer
		}
		for _, row := range rows {
			read[row.Block] = append(read[row.Block], row.Bits)
		}
	}
	s.filter.keep(version, read)
	maps.Copy(known, read)
	return known, nil
}

type filterRow struct {
	Block int    `db:"block"`
	Bits  []byte `db:"bits"`
}
