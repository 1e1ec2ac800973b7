package stock

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"sync"
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

	filterRange   = 4096 // blocks that one look reads in their order: some milliseconds of a purchase's transaction
	filterSettled = 32   // looks at one version of the filter, after which nobody seems to add to it
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
	looks   int              // at this version
	next    int              // the first block of those that are not read yet, in their order
	blocks  map[int][][]byte // the bits of each layer
}

// recall returns what is known of the wanted blocks at this version of the filter, and which are to be read: the missing
// ones, and from a block on filterRange more of them once the version has lasted for some looks, so that the filter is soon
// known as a whole. That block is -1 for none. A transaction that sees an older version than the cached one gets nothing of the
// cache.
func (c *filterCache) recall(version int64, wanted []int) (known map[int][][]byte, missing []int, from int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version > c.version || c.blocks == nil {
		c.version, c.looks, c.next, c.blocks = version, 0, 0, map[int][][]byte{}
	}
	c.looks++
	known = make(map[int][][]byte, len(wanted))
	for _, block := range wanted {
		layers, exists := c.blocks[block]
		if exists && version == c.version {
			known[block] = layers
		} else {
			missing = append(missing, block)
		}
	}
	if version != c.version || c.looks <= filterSettled || c.next >= filterBlocks {
		return known, missing, -1
	}
	return known, missing, c.next
}

// keep keeps blocks that were read after the version was: of that version, or newer. from is where a range of them begins
// that was read in order, or -1.
func (c *filterCache) keep(version int64, read map[int][][]byte, from int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version != c.version {
		return
	}
	maps.Copy(c.blocks, read)
	if from == c.next {
		c.next += filterRange
	}
}
