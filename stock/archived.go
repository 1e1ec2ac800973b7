package stock

import (
	"context"
	"database/sql"
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
	known, missing, from := s.filter.recall(version, wanted)
	read := make(map[int][][]byte, len(missing))
	if from >= 0 {
		if err := readFilterRange(ctx, q, from, read); err != nil {
			return nil, err
		}
		missing = slices.DeleteFunc(missing, func(block int) bool { return block >= from && block < from+filterRange })
	}
	if err := readFilterBlocks(ctx, q, missing, read); err != nil {
		return nil, err
	}
	if len(read) > 0 {
		s.filter.keep(version, read, from)
		maps.Copy(known, read)
	}
	return known, nil
}

// readFilterBlocks reads the layers of some blocks.
func readFilterBlocks(ctx context.Context, q sqlx.QueryerContext, blocks []int, into map[int][][]byte) error {
	if len(blocks) == 0 {
		return nil
	}
	slices.Sort(blocks)
	blocks = slices.Compact(blocks)
	for _, block := range blocks {
		into[block] = nil // it may have no layer
	}
	rows, err := q.QueryContext(ctx, `SELECT block, bits FROM archived_filter WHERE block IN `+db.In(len(blocks)), db.Args(blocks)...)
	return scanFilter(rows, err, into)
}

// readFilterRange reads the layers of filterRange blocks.
func readFilterRange(ctx context.Context, q sqlx.QueryerContext, from int, into map[int][][]byte) error {
	for i := range filterRange {
		into[from+i] = nil // it may have no layer
	}
	rows, err := q.QueryContext(ctx, `SELECT block, bits FROM archived_filter WHERE block >= ? AND block < ?`, from, from+filterRange)
	return scanFilter(rows, err, into)
}

// scanFilter scans by itself, because a process that starts reads 65,536 rows: by reflection that was more than half a
// second of its processor time.
func scanFilter(rows *sql.Rows, err error, into map[int][][]byte) error {
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var block int
		var bits []byte
		if err := rows.Scan(&block, &bits); err != nil {
			return err
		}
		into[block] = append(into[block], bits)
	}
	return rows.Err()
}

type filterRow struct {
	Block int    `db:"block"`
	Bits  []byte `db:"bits"`
}
