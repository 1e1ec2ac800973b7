package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"modernc.org/sqlite"
)

// copyPages is how many pages, 4 MiB, are copied before the context is checked again.
const copyPages = 1024

// ErrNotCopyable says that a database is not SQLite's and cannot be copied by CopyTogether: database servers have tools of
// their own for backups.
var ErrNotCopyable = errors.New("only SQLite databases are copied")

// Copy names a database to copy, and the file of the copy, which must not exist.
type Copy struct {
	DB   *DB
	Path string
}

// CopyTogether copies SQLite databases as they are at one moment. Writers wait for the few milliseconds in which a reading
// transaction begins in each database, not for the copying.
func CopyTogether(ctx context.Context, copies ...Copy) (err error) {
	var views []*sql.Conn
	defer func() {
		for _, view := range views {
			err = errors.Join(err, endView(view))
		}
	}()
	if views, err = openViews(ctx, copies); err != nil {
		return fmt.Errorf("copy databases: %w", err)
	}
	for i, c := range copies {
		if err := copyView(ctx, views[i], c.Path); err != nil {
			return fmt.Errorf("copy databases: copy to %s: %w", c.Path, err)
		}
	}
	return nil
}

// openViews begins a reading transaction in each database while nobody can write to any of them, so that all of them
// see the same moment.
func openViews(ctx context.Context, copies []Copy) (views []*sql.Conn, err error) {
	for _, c := range copies {
		if c.DB.Name() != (sqliteDialect{}).name() {
			return nil, ErrNotCopyable
		}
		tx, err := c.DB.write.BeginTxx(ctx, nil) // an immediate transaction, which locks out other writers
		if err != nil {
			return views, fmt.Errorf("keep others from writing: %w", err)
		}
		defer tx.Rollback() //nolint:errcheck // it has changed nothing
	}
	for _, c := range copies {
		view, err := c.DB.read.Conn(ctx)
		if err != nil {
			return views, err
		}
		views = append(views, view)
		for _, statement := range []string{"BEGIN", "SELECT COUNT(*) FROM sqlite_schema"} { // SQLite opens the view at the first read
			if _, err := view.ExecContext(ctx, statement); err != nil {
				return views, err
			}
		}
	}
	return views, nil
}

// endView ends the reading transaction and returns the connection to its pool.
func endView(view *sql.Conn) error {
	_, err := view.ExecContext(context.Background(), "ROLLBACK")
	return errors.Join(err, view.Close())
}

// copyView copies the database as the transaction of a connection sees it.
func copyView(ctx context.Context, view *sql.Conn, path string) error {
	return view.Raw(func(conn any) error {
		source, ok := conn.(interface {
			NewBackup(path string) (*sqlite.Backup, error)
		})
		if !ok {
			return fmt.Errorf("the driver's %T makes no copies", conn)
		}
		target, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // SQLite would overwrite an existing file
		if err == nil {
			err = target.Close()
		}
		if err != nil {
			return err
		}
		file := fileURL(path)
		b, err := source.NewBackup(file.String())
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			if err = ctx.Err(); err == nil {
				more, err = b.Step(copyPages)
			}
		}
		return errors.Join(err, b.Finish())
	})
}
