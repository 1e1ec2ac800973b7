package database

import (
	"context"
	"path/filepath"
	"strconv"

	"boxoffice/scripts/stack/internal/file"
	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

// Single is the one database of a stack that is no cluster.
func Single(s settings.Settings) part.Part {
	return part.Part{
		Name: partName, Port: s.DBPort(),
		Prepare: func(ctx context.Context, dir string) (argv, env []string, err error) {
			return prepareSingle(ctx, s, dir)
		},
		Ready: func(ctx context.Context) error { return Ready(ctx, s.DBPort()) },
	}
}

func prepareSingle(ctx context.Context, s settings.Settings, dir string) (argv, env []string, err error) {
	server, err := installedServer(s.MySQLD)
	if err != nil {
		return nil, nil, err
	}
	data, err := installDB(ctx, server, dir)
	if err != nil {
		return nil, nil, err
	}
	initFile := filepath.Join(dir, "init.sql")
	if err := file.Replace(initFile, []byte(initSQL)); err != nil {
		return nil, nil, err
	}
	argv = append([]string{server.path, "--no-defaults"}, asUser()...)
	argv = append(argv,
		"--datadir="+data,
		"--socket=mysqld.sock", // relative to datadir: a socket's path is short
		"--pid-file=mysqld.pid",
		"--bind-address=127.0.0.1",
		"--port="+strconv.Itoa(s.DBPort()),
		"--init-file="+initFile,
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin",
		"--innodb-flush-log-at-trx-commit=1",
		"--innodb-buffer-pool-size=128M",
		"--performance-schema=OFF", "--max-connections=300",
	)
	return append(argv, server.flags...), nil, nil
}
