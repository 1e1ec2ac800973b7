package archive

import (
	"bufio"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"boxoffice/common/durable"
	"boxoffice/order"
	"boxoffice/stock"

	"github.com/go-json-experiment/json"
)

const (
	fileVersion = 1
	fileEnding  = ".jsonl.gz"
	partEnding  = ".part"
	lineMax     = 1 << 20
)

// ErrDamaged says that an archive's file is not what was written.
var ErrDamaged = errors.New("archive file is damaged or not complete")

// line is one line of a file, which has one of the fields: the first line is the screening, then come all orders, then
// all holdings, and the last line says how many there were.
type line struct {
	Screening *screeningLine         `json:"screening,omitempty"`
	Order     *orderLine             `json:"order,omitempty"`
	Holding   *stock.ArchivedHolding `json:"holding,omitempty"`
	End       *endLine               `json:"end,omitempty"`
}

type screeningLine struct {
	Version      int       `json:"version"`
	ID           string    `json:"id"`
	Movie        string    `json:"movie"`
	Venue        string    `json:"venue"`
	StartsAt     time.Time `json:"starts_at"`
	Price        int64     `json:"price"` // minor units
	Currency     string    `json:"currency"`
	Capacity     int64     `json:"capacity"`
	Sold         int64     `json:"sold"`
	SaleOpensAt  time.Time `json:"sale_opens_at"`
	SaleClosesAt time.Time `json:"sale_closes_at"`
	PerUserLimit int64     `json:"per_user_limit"`
}

// orderLine is all that there was of an order, so that one line, found by an id, tells the story.
type orderLine struct {
	Reservation stock.ArchivedReservation `json:"reservation"`
	order.Record
}

type endLine struct {
	Sums     stock.ArchiveSums `json:"sums"`
	Holdings int64             `json:"holdings"`
}

// writer writes a file under another name, until it is complete.
type writer struct {
	path string
	file *os.File
	gzip *gzip.Writer
}

// createFile begins a file of a screening under a name that no other has: none is ever written over, whoever else takes
// the screening for its own. What such workers have not completed is removed.
func createFile(dir, screeningID string) (*writer, error) {
	prefix := "screening-" + escape(screeningID) + "."
	if err := removeParts(dir, prefix); err != nil {
		return nil, fmt.Errorf("remove what is left of an archive file: %w", err)
	}
	path := filepath.Join(dir, prefix+strings.ToLower(rand.Text()[:13])+fileEnding) // 65 random bits
	file, err := os.OpenFile(path+partEnding, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create archive file: %w", err)
	}
	return &writer{path, file, gzip.NewWriter(file)}, nil
}

// escape writes a screening's id as a part of a file's name that ends at its first dot.
func escape(id string) string {
	var b strings.Builder
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func removeParts(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, prefix) && strings.HasSuffix(name, partEnding) {
			err = errors.Join(err, remove(filepath.Join(dir, name)))
		}
	}
	return err
}

// remove removes a file that may be gone.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (w *writer) write(l line) error {
	text, err := json.Marshal(l)
	if err == nil {
		_, err = w.gzip.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write archive file: %w", err)
	}
	return nil
}

// sync returns when all lines are on the disk, so that they can be read back.
func (w *writer) sync() error {
	if err := errors.Join(w.gzip.Close(), w.file.Sync()); err != nil {
		return fmt.Errorf("write archive file: %w", err)
	}
	return nil
}

// complete returns when the file is on the disk under its name.
func (w *writer) complete() error {
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("write archive file: %w", err)
	}
	if err := durable.Rename(w.file.Name(), w.path); err != nil {
		return fmt.Errorf("name archive file: %w", err)
	}
	return nil
}

// discard leaves nothing behind, also of a file that has its name and is not the archive's.
func (w *writer) discard() error {
	_ = w.file.Close() // it may be closed, and is of no use
	return errors.Join(remove(w.file.Name()), remove(w.path))
}

// contents is what a file says of itself.
type contents struct {
	screening screeningLine
	end       endLine
	digest    string // SHA-256 of its lines in hexadecimal
}

// readFile hands over the orders and holdings of a file. It fails with ErrDamaged where the file is not whole, which may
// be only at its end: who must not act on half a file reads it twice.
func readFile(path string, each func(line) error) (c contents, err error) {
	file, err := os.Open(path)
	if err != nil {
		return c, fmt.Errorf("open archive file: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	compressed, err := gzip.NewReader(file)
	if err != nil {
		return c, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	digest := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(compressed, digest))
	lines.Buffer(nil, lineMax)
	for n := 1; lines.Scan(); n++ {
		var l line
		err := json.Unmarshal(lines.Bytes(), &l)
		if err == nil && n > 1 {
			err = l.check(c.screening.ID)
		}
		if err != nil {
			return c, fmt.Errorf("%w: %s, line %d: %w", ErrDamaged, path, n, err)
		}
		switch {
		case n == 1 && (l.Screening == nil || l.Screening.Version != fileVersion):
			return c, fmt.Errorf("%w: %s does not begin with a screening of version %d", ErrDamaged, path, fileVersion)
		case n == 1:
			c.screening = *l.Screening
		case l.End != nil:
			err := c.checkEnd(*l.End, path, lines)
			c.digest = hex.EncodeToString(digest.Sum(nil))
			return c, err
		default:
			c.end.count(l)
			if err := each(l); err != nil {
				return c, err
			}
		}
	}
	return c, errors.Join(fmt.Errorf("%w: %s has no last line", ErrDamaged, path), lines.Err())
}

// check tells whether a line after the first has one field, and an order is one order and of the screening.
func (l line) check(screeningID string) error {
	fields := 0
	for _, there := range []bool{l.Screening != nil, l.Order != nil, l.Holding != nil, l.End != nil} {
		if there {
			fields++
		}
	}
	switch {
	case fields != 1 || l.Screening != nil:
		return errors.New("it is not one order, holding or end")
	case l.Order != nil && (l.Order.Order.ScreeningID != screeningID || !agree(l.Order.Reservation, l.Order.Order)):
		return fmt.Errorf("the parts of order %s do not agree", l.Order.Reservation.OrderID)
	}
	return nil
}

func (e *endLine) count(l line) {
	switch {
	case l.Holding != nil:
		e.Holdings++
	case l.Order != nil:
		e.Sums.Orders++
		if l.Order.Reservation.State == stock.Sold {
			e.Sums.PaidOrders++
			e.Sums.TicketsSold += l.Order.Reservation.Quantity
			e.Sums.AmountPaid += l.Order.Reservation.Amount
		}
	}
}

// checkEnd compares what the last line says with what was read, and reads on to the end, where the checksum is.
func (c contents) checkEnd(said endLine, path string, lines *bufio.Scanner) error {
	switch {
	case said != c.end:
		return fmt.Errorf("%w: %s says at its end that it has %+v, and has %+v", ErrDamaged, path, said, c.end)
	case lines.Scan():
		return fmt.Errorf("%w: %s has lines after its last one", ErrDamaged, path)
	case lines.Err() != nil:
		return fmt.Errorf("%w: %s: %w", ErrDamaged, path, lines.Err())
	}
	return nil
}

// readOrders hands over a file's orders in lists, and each of its holdings in lists after them.
func readOrders(path string, size int, orders func([]orderLine) error, holdings func([]stock.ArchivedHolding) error) error {
	var someOrders []orderLine
	var someHoldings []stock.ArchivedHolding
	_, err := readFile(path, func(l line) error {
		var err error
		if l.Order != nil {
			if someOrders = append(someOrders, *l.Order); len(someOrders) == size {
				err, someOrders = orders(someOrders), nil
			}
		}
		if l.Holding != nil {
			if someHoldings = append(someHoldings, *l.Holding); len(someHoldings) == size {
				err, someHoldings = holdings(someHoldings), nil
			}
		}
		return err
	})
	if err == nil && len(someOrders) > 0 {
		err = orders(someOrders)
	}
	if err == nil && len(someHoldings) > 0 {
		err = holdings(someHoldings)
	}
	return err
}

// isOf compares what a file says of itself with what the database says of it.
func (c contents) isOf(archived stock.Archive) error {
	switch {
	case c.screening.ID != archived.ScreeningID || c.end.Sums != archived.Sums:
		return fmt.Errorf("%w: it has %+v of screening %s, the archive's books of screening %s are %+v",
			ErrDamaged, c.end.Sums, c.screening.ID, archived.ScreeningID, archived.Sums)
	case archived.Digest != "" && archived.Digest != c.digest:
		return fmt.Errorf("%w: its lines are not those that were written: their SHA-256 is %s, of those it was %s",
			ErrDamaged, c.digest, archived.Digest)
	}
	return nil
}
