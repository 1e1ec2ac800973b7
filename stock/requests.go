package stock

import (
	"context"
	"hash/maphash"
	"sync"
)

type requestRow struct {
	RequestID string `db:"request_id"`
	BuyerID   string `db:"buyer_id"`
	CreatedAt int64  `db:"created_at"`
}

func (s *Stock) readRequests(ctx context.Context, screeningID string, since int64) ([]requestRow, error) {
	var rows []requestRow
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT request_id, buyer_id, created_at FROM reservations
		WHERE screening_id = ? AND created_at >= ?`, screeningID, since)
	return rows, err
}

// requestSet is the request ids of a screening's orders, and whose they are: nearly all who ask have none, and a look for
// the buyer costs a tenth of making a request id. It only grows, as orders do.
type requestSet struct {
	mu     sync.RWMutex
	seed   maphash.Seed
	ids    map[string]struct{}
	buyers map[uint64]struct{} // hashes; two buyers with the same one only cost a look at the ids
}

func (s *requestSet) add(orders []requestRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.seed = maphash.MakeSeed()
		s.ids = make(map[string]struct{}, len(orders))
		s.buyers = make(map[uint64]struct{}, len(orders))
	}
	for _, order := range orders {
		s.ids[order.RequestID] = struct{}{}
		s.buyers[maphash.String(s.seed, order.BuyerID)] = struct{}{}
	}
}

func (s *requestSet) size() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return int64(len(s.ids))
}

func (s *requestSet) has(buyerID, key string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ids == nil {
		return false
	}
	if _, known := s.buyers[maphash.String(s.seed, buyerID)]; !known {
		return false
	}
	_, known := s.ids[RequestID(buyerID, key)]
	return known
}
