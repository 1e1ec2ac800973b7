package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"boxoffice/app/settings"
	"boxoffice/backup"
	"boxoffice/common/db"
	"boxoffice/sql"
)

// runBackup copies the databases of an embedded office, which may be running: boxoffice backup -to DIRECTORY, and the
// flags of the office.
func runBackup(ctx context.Context, call settings.Invocation) (err error) {
	var dir string
	config, err := parseEmbeddedConfig(call, func(flags *flag.FlagSet) {
		flags.StringVar(&dir, "to", "", "directory that is to be made, with the backup")
	})
	switch {
	case err != nil:
		return err
	case dir == "":
		return errors.New("set -to to a directory that is to be made")
	}
	o := &office{config: config, now: call.Now, log: slog.New(slog.DiscardHandler)}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.openExistingDatabases(ctx); err != nil {
		return err
	}
	missing, err := o.openExistingFurther(ctx)
	if err != nil {
		return err
	}
	taken, err := backup.Office{
		Stock: o.stockDB, Orders: o.orderDB, Tickets: o.ticketsDB, Notify: o.notifyDB, DataDir: config.DataDir, ArchiveDir: config.ArchiveDir,
		Extra: []string{demoSecretsFile(config.DataDir), demoPaymentsFile(config.DataDir)},
	}.Take(ctx, dir, call.Now())
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(call.Stdout, "backed up to %s\n", dir)
	for _, without := range missing {
		_, _ = fmt.Fprintf(call.Stdout, "without %s: this office has made none, or has lost it\n", without)
	}
	if taken.ArchiveDir != "" {
		_, _ = fmt.Fprintf(call.Stdout, "the archive's files in %s are not part of it: copy them as well\n", taken.ArchiveDir)
	}
	return nil
}

// openExistingFurther opens the databases of tickets and of mail, and names those that are not there.
func (o *office) openExistingFurther(ctx context.Context) (missing []string, err error) {
	for _, part := range []struct {
		name, dsn, setting string
		migrations         func() (fs.FS, error)
		opened             **db.DB
	}{
		{"tickets", o.config.TicketsDSN, "BOXOFFICE_TICKETS_DSN", sql.Tickets, &o.ticketsDB},
		{"mail and SMS", o.config.Notify.DSN, "BOXOFFICE_NOTIFY_DSN", sql.Notify, &o.notifyDB},
	} {
		if err := checkFileExists(part.dsn); err != nil {
			missing = append(missing, fmt.Sprintf("a database of %s (%v)", part.name, err))
			continue
		}
		if *part.opened, err = o.openExistingOf(ctx, o.stockDB, part.dsn, part.setting, part.migrations); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// runRestore makes the data directory of an embedded office from a backup: boxoffice restore -from DIRECTORY.
func runRestore(ctx context.Context, call settings.Invocation) error {
	var dir string
	config, err := parseEmbeddedConfig(call, func(flags *flag.FlagSet) {
		flags.StringVar(&dir, "from", "", "directory of the backup")
	})
	switch {
	case err != nil:
		return err
	case dir == "":
		return errors.New("set -from to the directory of a backup")
	}
	for file, dsn := range map[string]string{
		backup.StockFile: config.StockDSN, backup.OrderFile: config.OrderDSN, backup.TicketsFile: config.TicketsDSN,
		backup.NotifyFile: config.Notify.DSN,
	} {
		if dsn != "sqlite:"+filepath.Join(config.DataDir, file) {
			return errors.New("set no BOXOFFICE_STOCK_DSN, BOXOFFICE_ORDER_DSN, BOXOFFICE_TICKETS_DSN or BOXOFFICE_NOTIFY_DSN: " +
				"a backup is restored to a data directory")
		}
	}
	takenAt, err := backup.Restore(ctx, dir, config.DataDir, call.Now)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(call.Stdout, "restored %s to the state of %s: start it with boxoffice -data-dir %s\n",
		config.DataDir, takenAt.Format(time.RFC3339), config.DataDir)
	return nil
}

// parseEmbeddedConfig fails for an office with MySQL databases, which are backed up with MySQL's tools.
func parseEmbeddedConfig(call settings.Invocation, define func(*flag.FlagSet)) (settings.Config, error) {
	config, err := settings.ParseTool(call, define)
	if err != nil {
		return settings.Config{}, err
	}
	if slices.ContainsFunc([]string{config.StockDSN, config.OrderDSN, config.TicketsDSN, config.Notify.DSN}, func(dsn string) bool {
		return !strings.HasPrefix(dsn, "sqlite:")
	}) {
		return settings.Config{}, errors.New("back up MySQL with its own tools: all databases together, with their binary logs")
	}
	return config, nil
}
