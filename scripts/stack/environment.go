package main

import (
	"fmt"
	"io"
	"strings"

	"boxoffice/scripts/stack/internal/database"
	"boxoffice/scripts/stack/internal/office"
	"boxoffice/scripts/stack/internal/settings"
)

// printTestEnv prints what go test reads: the servers, in which tests make databases and topics of their own, and the
// directory of the stack, whose parts they kill.
func printTestEnv(out io.Writer, dir string, s settings.Settings) error {
	server := strings.TrimSuffix(database.DSN(s.DBPort(), ""), "/")
	_, err := fmt.Fprintf(out, "export BOXOFFICE_TEST_NAMESRV=%s\nexport BOXOFFICE_TEST_MYSQL=%s\nexport BOXOFFICE_STACK_DIR='%s'\n",
		settings.Loopback(s.NamesrvPort()), server, dir)
	if err != nil {
		return fmt.Errorf("print environment: %w", err)
	}
	return nil
}

// printEnv prints lines for a shell to evaluate.
func printEnv(out io.Writer, s settings.Settings) error {
	lines := []string{
		"BOXOFFICE_NAMESRV=" + settings.Loopback(s.NamesrvPort()),
		"BOXOFFICE_STOCK_DSN=" + database.DSN(s.DBPort(), database.Stock),
		"BOXOFFICE_ORDER_DSN=" + database.DSN(s.DBPort(), database.Order),
	}
	if s.Clustered() {
		lines = append(office.Env(s), "BOXOFFICE_STACK_SHOPS="+strings.Join(office.Shops(s), ","))
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		if strings.ContainsAny(value, "; ") {
			value = "'" + value + "'"
		}
		if _, err := fmt.Fprintf(out, "export %s=%s\n", name, value); err != nil {
			return fmt.Errorf("print environment: %w", err)
		}
	}
	return nil
}
