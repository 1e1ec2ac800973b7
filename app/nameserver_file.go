package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// brokerDir is the directory of the embedded broker's log.
func brokerDir(dataDir string) string { return filepath.Join(dataDir, "broker") }

// nameServerFile has the address of the embedded broker, for commands that connect to it while the office runs. After a
// crash the file is still there: only the lock on the broker's log tells whether one runs.
func nameServerFile(dataDir string) string { return filepath.Join(brokerDir(dataDir), "NAMESERVER") }

// writeNameServer notes the address. Where it cannot, it takes a note of another address away: nobody may be led there.
func writeNameServer(dataDir, address string) error {
	file := nameServerFile(dataDir)
	if noted, err := readNameServer(dataDir); err == nil && noted == address {
		return nil
	}
	err := os.WriteFile(file+".tmp", []byte(address+"\n"), 0o600)
	if err == nil {
		return os.Rename(file+".tmp", file)
	}
	for _, left := range []string{file, file + ".tmp"} {
		if removeErr := os.Remove(left); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
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
