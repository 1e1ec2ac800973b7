package inquiry

import (
	"context"
	"errors"

	"boxoffice/archive"
	"boxoffice/stock"
)

const (
	filesMax      = 20      // that may have an order and are told of
	readOrdersMax = 200_000 // in the files that are read through for one order: some seconds
)

// readArchive looks for an order in the files of the archive that may have it by the time in its id. It fails with
// ErrOrderAbsent when none has it, and with ArchivedError when one of them was not read.
func (d *Desk) readArchive(ctx context.Context, orderID string) (stock.Archive, archive.Found, error) {
	made, err := stock.TimeOf(orderID)
	if err != nil {
		return stock.Archive{}, archive.Found{}, ErrOrderAbsent
	}
	archives, err := d.stock.ArchivesOf(ctx, made, filesMax)
	if err != nil {
		return stock.Archive{}, archive.Found{}, err
	}
	var unread ArchivedError
	left := int64(readOrdersMax)
	for _, a := range archives {
		if left -= a.Sums.Orders; left < 0 {
			unread.Files = append(unread.Files, a.File)
			continue
		}
		found, err := archive.FindOrder(ctx, a.File, orderID)
		switch {
		case err == nil:
			return a, found, nil
		case ctx.Err() != nil:
			return stock.Archive{}, archive.Found{}, ctx.Err()
		case !errors.Is(err, archive.ErrOrderNotInFile): // it is on another machine, or damaged
			unread.Files = append(unread.Files, a.File)
		}
	}
	if len(unread.Files) > 0 {
		return stock.Archive{}, archive.Found{}, unread
	}
	return stock.Archive{}, archive.Found{}, ErrOrderAbsent
}
