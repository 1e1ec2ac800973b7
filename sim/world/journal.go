package world

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// journal is the history line by line: printed if somebody wants to read it, and hashed, so that two histories can be compared.
type journal struct {
	hash  hash.Hash
	trace io.Writer
	lines int
}

func newJournal(trace io.Writer) *journal { return &journal{hash: sha256.New(), trace: trace} }

func (j *journal) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...) + "\n"
	j.lines++
	_, _ = io.WriteString(j.hash, text)
	if j.trace != nil {
		_, _ = io.WriteString(j.trace, text)
	}
}

// sum is the same for the same history.
func (j *journal) sum() string { return hex.EncodeToString(j.hash.Sum(nil)[:8]) }

// idOf makes an id as stock.NewID does, by dice that can be thrown again.
func idOf(now time.Time, dice *rand.Rand) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[8:], dice.Uint64())
	binary.BigEndian.PutUint64(id[:], uint64(now.UnixMilli())<<16|dice.Uint64()&0xffff)
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(id[:]))
}
