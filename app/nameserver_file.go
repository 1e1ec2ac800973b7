package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// brokerDir is where the embedded broker of an office keeps its log.
func brokerDir(dataDir string) string { return filepath.Join(dataDir, "broker") }

// nameServerFile holds the address of the embedded broker of the office that has the directory, or had it last. It is
// for those who come while it runs; whether it does, the lock on the broker's log says.
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
