package stock

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"boxoffice/common/db"

	"github.com/jmoiron/sqlx"
)

// Every purchase looks for its key among those of archived orders, and nearly none is there. Ten million keys are a table
// of 230 MB, and each purchase would read a page of it that nobody has read before. A Bloom filter beside it, 17 MB for
// as many, stays in memory; only what it holds for possible, and one in a hundred by mistake, is looked up.
const (
	filterBlocks     = 1 << 16
	filterBlockBytes = 256
	filterHashes     = 6
	filterLayerIDs   = 12_000_000 // in a layer, at 11 bits each; then a new one begins
	filterLock       = -1         // the block that a writer locks, with the version
	filterStep       = 1000       // blocks in one transaction
)

// filterPlace is where a request id is in each layer.
type filterPlace struct {
	block int
	bits  [filterHashes]int
}

func placeOf(id []byte) (p filterPlace) {
	digest := sha256.Sum256(id)
	p.block = int(binary.BigEndian.Uint16(digest[:])) % filterBlocks
	for i := range p.bits {
		p.bits[i] = int(binary.BigEndian.Uint16(digest[2+2*i:])) % (8 * filterBlockBytes)
	}
	return p
}

func (p filterPlace) isIn(bits []byte) bool {
	for _, bit := range p.bits {
		if bit/8 >= len(bits) || bits[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
	}
	return true
}

func (p filterPlace) addTo(bits []byte) {
	for _, bit := range p.bits {
		bits[bit/8] |= 1 << (bit % 8)
	}
}

// filterCache keeps the blocks that this process has read for as long as nobody adds to the filter: at most the whole of
// it. A purchase then costs no read of its own; reading a block for each was a tenth of all that an order costs.
type filterCache struct {
	mu      sync.Mutex
	version int64
	blocks  map[int][][]byte // the bits of each layer
}

// recall returns what is known of the wanted blocks at this version of the filter, and the blocks that are not. Who has an
// older view of the database than somebody had before knows none.
func (c *filterCache) recall(version int64, wanted []int) (known map[int][][]byte, missing []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version > c.version || c.blocks == nil {
		c.version, c.blocks = version, map[int][][]byte{}
	}
	known = make(map[int][][]byte, len(wanted))
	for _, block := range wanted {
		layers, exists := c.blocks[block]
		if exists && version == c.version {
			known[block] = layers
		} else {
			missing = append(missing, block)
		}
	}
	return known, missing
}

// keep keeps blocks that were read after the version was: of that version, or newer.
func (c *filterCache) keep(version int64, read map[int][][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version == c.version {
		maps.Copy(c.blocks, read)
	}
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
	known, missing := s.filter.recall(version, wanted)
	if len(missing) == 0 {
		return known, nil
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	var rows []filterRow
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT block, bits FROM archived_filter
		WHERE block IN `+among(len(missing)), anys(missing)...); err != nil {
		return nil, err
	}
	read := make(map[int][][]byte, len(missing))
	for _, block := range missing {
		read[block] = nil // it may have no layer
	}
	for _, row := range rows {
		read[row.Block] = append(read[row.Block], row.Bits)
	}
	s.filter.keep(version, read)
	maps.Copy(known, read)
	return known, nil
}

type filterRow struct {
	Block int    `db:"block"`
	Bits  []byte `db:"bits"`
}

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
	if err := expectRows(1)(tx.ExecContext(ctx, `UPDATE archived_filter SET layer = layer + 1 WHERE block = ?`, filterLock)); err != nil {
		return fmt.Errorf("lock the filter: %w", err)
	}
	var archived int64
	if err := tx.GetContext(ctx, &archived, `SELECT COALESCE(SUM(orders), 0) FROM archives`); err != nil {
		return fmt.Errorf("count archived orders: %w", err)
	}
	layer := archived / filterLayerIDs
	args := append([]any{layer}, anys(some)...)
	var rows []filterRow
	if err := tx.SelectContext(ctx, &rows, `SELECT block, bits FROM archived_filter
		WHERE layer = ? AND block IN `+among(len(some)), args...); err != nil {
		return fmt.Errorf("read the filter: %w", err)
	}
	for _, row := range rows {
		for i, b := range row.Bits {
			blocks[row.Block][i] |= b
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM archived_filter WHERE layer = ? AND block IN `+among(len(some)), args...); err != nil {
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
