package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"boxoffice/backup"
)

// runBackup copies the databases of an embedded office, which may be running: boxoffice backup -to DIRECTORY, and the flags
// of the office.
func runBackup(ctx context.Context, args []string, getenv func(string) string, now func() time.Time, stdout io.Writer) (err error) {
	var dir string
	config, err := parseEmbedded(args, getenv, stdout, func(flags *flag.FlagSet) {
		flags.StringVar(&dir, "to", "", "directory that is to be made, with the backup")
	})
	switch {
	case err != nil:
		return err
	case dir == "":
		return errors.New("set -to to a directory that is to be made")
	}
	o := &office{config: config, now: now, log: slog.New(slog.DiscardHandler)}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.openExisting(ctx); err != nil {
		return err
	}
	if err := backup.Take(ctx, o.stockDB, o.orderDB, []string{demoSecretsFile(config.DataDir)}, dir, now()); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "backed up to %s\n", dir)
	return nil
}

// runRestore makes the data directory of an embedded office from a backup: boxoffice restore -from DIRECTORY.
func runRestore(ctx context.Context, args []string, getenv func(string) string, now func() time.Time, stdout io.Writer) error {
	var dir string
	config, err := parseEmbedded(args, getenv, stdout, func(flags *flag.FlagSet) {
		flags.StringVar(&dir, "from", "", "directory of the backup")
	})
	switch {
	case err != nil:
		return err
	case dir == "":
		return errors.New("set -from to the directory of a backup")
	}
	for file, dsn := range map[string]string{backup.StockFile: config.StockDSN, backup.OrderFile: config.OrderDSN} {
		if dsn != "sqlite:"+filepath.Join(config.DataDir, file) {
			return errors.New("set no BOXOFFICE_STOCK_DSN and no BOXOFFICE_ORDER_DSN: a backup is restored to a data directory")
		}
	}
	takenAt, err := backup.Restore(ctx, dir, config.DataDir, now)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "restored %s to the state of %s\n", config.DataDir, takenAt.Format(time.RFC3339))
	return nil
}

// parseEmbedded refuses an office whose databases are a server's, which has tools for this.
func parseEmbedded(args []string, getenv func(string) string, stdout io.Writer, define func(*flag.FlagSet)) (Config, error) {
	config, err := parseToolConfig(args, getenv, stdout, define)
	if err != nil {
		return Config{}, err
	}
	if !strings.HasPrefix(config.StockDSN, "sqlite:") || !strings.HasPrefix(config.OrderDSN, "sqlite:") {
		return Config{}, errors.New("back up MySQL with its own tools: both databases together, with their binary logs")
	}
	return config, nil
}
