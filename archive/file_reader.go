package archive

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"

	"boxoffice/stock"
)

// lineBytesMax is more than an order takes: nearly always some hundred bytes, but one may have hundreds of attempts to pay, of
// ten thousand bytes each.
const lineBytesMax = 32 << 20

// fileSummary is the screening and the totals of a file that was read.
type fileSummary struct {
	screening screeningLine
	totals    endLine
	digest    string // SHA-256 of its lines in hexadecimal
}

// readFile passes the orders and holdings of a file to each. It fails with ErrDamaged when the file is not whole, which
// it may find out only at the end: a caller that must not act on a part of a file reads it twice.
func readFile(path string, each func(line) error) (s fileSummary, err error) {
	file, err := os.Open(path)
	if err != nil {
		return s, fmt.Errorf("open archive file: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	compressed, err := gzip.NewReader(file)
	if err != nil {
		return s, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	digest := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(compressed, digest))
	lines.Buffer(nil, lineBytesMax)
	for n := 1; lines.Scan(); n++ {
		var l line
		err := json.Unmarshal(lines.Bytes(), &l)
		if err == nil && n > 1 {
			err = l.check(s.screening.ID)
		}
		if err != nil {
			return s, fmt.Errorf("%w: %s, line %d: %w", ErrDamaged, path, n, err)
		}
		switch {
		case n == 1 && (l.Screening == nil || l.Screening.Version != fileVersion):
			return s, fmt.Errorf("%w: %s does not begin with a screening of version %d", ErrDamaged, path, fileVersion)
		case n == 1:
			s.screening = *l.Screening
		case l.End != nil:
			err := s.checkEnd(*l.End, path, lines)
			s.digest = hex.EncodeToString(digest.Sum(nil))
			return s, err
		default:
			s.totals.count(l)
			if err := each(l); err != nil {
				return s, err
			}
		}
	}
	return s, errors.Join(fmt.Errorf("%w: %s has no last line", ErrDamaged, path), lines.Err())
}

// checkEnd compares the totals in the last line with those of the lines that were read. It reads on to the end of the
// compressed data, where gzip verifies its checksum.
func (s fileSummary) checkEnd(end endLine, path string, lines *bufio.Scanner) error {
	switch {
	case end != s.totals:
		return fmt.Errorf("%w: %s says at its end that it has %+v, and has %+v", ErrDamaged, path, end, s.totals)
	case lines.Scan():
		return fmt.Errorf("%w: %s has lines after its last one", ErrDamaged, path)
	case lines.Err() != nil:
		return fmt.Errorf("%w: %s: %w", ErrDamaged, path, lines.Err())
	}
	return nil
}

// checkArchive compares a file with the database's row of its archive.
func (s fileSummary) checkArchive(archive stock.Archive) error {
	switch {
	case s.screening.ID != archive.ScreeningID || s.totals.Sums != archive.Sums:
		return fmt.Errorf("%w: it has %+v of screening %s, the archive's sums of screening %s are %+v",
			ErrDamaged, s.totals.Sums, s.screening.ID, archive.ScreeningID, archive.Sums)
	case archive.Digest != "" && archive.Digest != s.digest:
		return fmt.Errorf("%w: its lines are not those that were written: their SHA-256 is %s, of those it was %s",
			ErrDamaged, s.digest, archive.Digest)
	}
	return nil
}

// readChunks passes the orders of a file, and after them its holdings, in chunks of up to size.
func readChunks(path string, size int, orders func([]orderLine) error, holdings func([]stock.ArchivedHolding) error) error {
	var orderChunk []orderLine
	var holdingChunk []stock.ArchivedHolding
	_, err := readFile(path, func(l line) error {
		var err error
		if l.Order != nil {
			if orderChunk = append(orderChunk, *l.Order); len(orderChunk) == size {
				err, orderChunk = orders(orderChunk), nil
			}
		}
		if l.Holding != nil {
			if holdingChunk = append(holdingChunk, *l.Holding); len(holdingChunk) == size {
				err, holdingChunk = holdings(holdingChunk), nil
			}
		}
		return err
	})
	if err == nil && len(orderChunk) > 0 {
		err = orders(orderChunk)
	}
	if err == nil && len(holdingChunk) > 0 {
		err = holdings(holdingChunk)
	}
	return err
}
