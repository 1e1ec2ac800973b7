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
		cfg := mysql.NewConfig()
		cfg.User, cfg.Passwd, cfg.DBName = user, Password, name
		cfg.Net, cfg.Addr = "tcp", settings.Loopback(port)
		cfg.Logger = &mysql.NopLogger{} // refused connections are expected here
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return fmt.Errorf("configure database client: %w", err)
		}
		db := sql.OpenDB(connector)
		var one int
		err = errors.Join(db.QueryRowContext(ctx, "SELECT 1").Scan(&one), db.Close())
		if err != nil {
			return fmt.Errorf("query %s: %w", name, err)
		}
	}
	return nil
}

// nodeSynced is nil when the database at a port takes part in the cluster and has everything.
func nodeSynced(ctx context.Context, port int) error {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.Logger = user, Password, "tcp", settings.Loopback(port), &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("configure database client: %w", err)
	}
	db := sql.OpenDB(connector)
	var name, state string
	if err := errors.Join(db.QueryRowContext(ctx, "SHOW STATUS LIKE 'wsrep_local_state'").Scan(&name, &state), db.Close()); err != nil {
		return fmt.Errorf("ask for state: %w", err)
	}
	if state != synced {
		return fmt.Errorf("state %s is not %s", state, synced)
	}
	return nil
}
