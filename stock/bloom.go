package stock

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
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

	filterRange   = 128 // blocks that are read at once, while nobody adds to the filter
	filterRanges  = 8   // that one look reads, some milliseconds of a purchase's transaction
	filterSettled = 32  // looks at one version of the filter, after which nobody seems to add to it
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
	blocks  map[int][][]byte // the bits of each layer
}

// recall returns what is known of the wanted blocks at this version of the filter, and the blocks that are not. Once the
// version has lasted for some looks, some of these are whole ranges, so that the filter is soon known as a whole. Who has an older
// view of the database than somebody had before knows none.
func (c *filterCache) recall(version int64, wanted []int) (known map[int][][]byte, missing []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version > c.version || c.blocks == nil {
		c.version, c.looks, c.blocks = version, 0, map[int][][]byte{}
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
	if version == c.version && c.looks > filterSettled {
		missing = rangesOf(missing)
	}
	return known, missing
}

// rangesOf returns these blocks, and with the first of them all of their ranges.
func rangesOf(blocks []int) []int {
	all := slices.Clone(blocks)
	for _, block := range blocks[:min(len(blocks), filterRanges)] {
		for i := range filterRange {
			all = append(all, block-block%filterRange+i)
		}
	}
	return all
}

// keep keeps blocks that were read after the version was: of that version, or newer.
func (c *filterCache) keep(version int64, read map[int][][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version == c.version {
		maps.Copy(c.blocks, read)
	}
}
