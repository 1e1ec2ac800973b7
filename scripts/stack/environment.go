package main

import (
	"fmt"
	"strings"
)

// printTestEnv prints what go test reads: the servers, in which tests make databases and topics of their own, and the
// directory of the stack, whose parts they kill.
func (s stack) printTestEnv() error {
	server := strings.TrimSuffix(s.dsn(""), "/")
	_, err := fmt.Fprintf(s.out, "export BOXOFFICE_TEST_NAMESRV=%s\nexport BOXOFFICE_TEST_MYSQL=%s\nexport BOXOFFICE_STACK_DIR='%s'\n",
		loopback(s.settings.namesrvPort()), server, s.dir)
	if err != nil {
		return fmt.Errorf("print environment: %w", err)
	}
	return nil
}

// printEnv prints lines for a shell to evaluate.
func (s stack) printEnv() error {
	lines := []string{
		"BOXOFFICE_NAMESRV=" + loopback(s.settings.namesrvPort()),
		"BOXOFFICE_STOCK_DSN=" + s.dsn(stockDB),
		"BOXOFFICE_ORDER_DSN=" + s.dsn(orderDB),
	}
	if s.settings.clustered() {
		lines = append(s.officeEnv(), "BOXOFFICE_STACK_SHOPS="+strings.Join(s.shops(), ","))
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		if strings.ContainsAny(value, "; ") {
			value = "'" + value + "'"
		}
		if _, err := fmt.Fprintf(s.out, "export %s=%s\n", name, value); err != nil {
			return fmt.Errorf("print environment: %w", err)
		}
	}
	return nil
}
