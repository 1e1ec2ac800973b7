package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// brokerDir is the directory of the embedded broker's log.
func brokerDir(dataDir string) string { return filepath.Join(dataDir, "broker") }

// nameServerFile has the address of the embedded broker, for commands that connect to it while the office runs. After a
// crash the file is still there: only the lock on the broker's log tells whether one runs.
func nameServerFile(dataDir string) string { return filepath.Join(brokerDir(dataDir), "NAMESERVER") }

func writeNameServer(dataDir, address string) error {
	file := nameServerFile(dataDir)
	if err := os.WriteFile(file+".tmp", []byte(address+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".tmp", file)
}

func readNameServer(dataDir string) (address string, err error) {
	raw, err := os.ReadFile(nameServerFile(dataDir))
	if err != nil {
		return "", err
	}
	address = strings.TrimSpace(string(raw))
	if address == "" {
		return "", fmt.Errorf("%s is empty", nameServerFile(dataDir))
	}
	return address, nil
}
