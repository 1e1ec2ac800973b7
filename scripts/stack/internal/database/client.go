package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"

	"boxoffice/scripts/stack/internal/settings"
)

// Ready asks each database a question as the app's user.
func Ready(ctx context.Context, port int) error {
	for _, name := range []string{Stock, Order, tickets, notify} {
		var one int
		if err := ask(ctx, port, name, "SELECT 1", &one); err != nil {
			return fmt.Errorf("query %s: %w", name, err)
		}
	}
	return nil
}

// nodeSynced is nil when the database at a port takes part in the cluster and has everything.
func nodeSynced(ctx context.Context, port int) error {
	var name, state string
	if err := ask(ctx, port, "", "SHOW STATUS LIKE 'wsrep_local_state'", &name, &state); err != nil {
		return fmt.Errorf("ask for state: %w", err)
	}
	if state != synced {
		return fmt.Errorf("state %s is not %s", state, synced)
	}
	return nil
}

// ask connects as the app's user to a database, or to none of the server's, and reads the one row of a query.
func ask(ctx context.Context, port int, database, query string, into ...any) error {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = user, Password, database
	cfg.Net, cfg.Addr = "tcp", settings.Loopback(port)
	cfg.Logger = &mysql.NopLogger{} // refused connections are expected here
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("configure database client: %w", err)
	}
	db := sql.OpenDB(connector)
	return errors.Join(db.QueryRowContext(ctx, query).Scan(into...), db.Close())
}
