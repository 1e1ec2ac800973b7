package broker

// halfReader is the group in which a real broker consumes its own half messages
// (MixAll.CID_SYS_RMQ_TRANS).
const halfReader = "CID_RMQ_SYS_TRANS"

// halfPosition is the answer to where halfReader stands in the half topic: as
// far from its end as there are open halves. Operators of a real broker read
// the halves in doubt from that distance. There, what is still open after a
// pass of check-backs is stored again at the end of the topic; here a half stays
// where it is, so the position is computed.
func (b *Broker) halfPosition() int64 {
	open := int64(b.halves.count())
	_, end := b.topics.queue(topicHalf, 0).bounds()
	return max(end-open, 0)
}

func (h *halves) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.open)
}
