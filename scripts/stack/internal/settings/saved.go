package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"boxoffice/scripts/stack/internal/file"
)

const savedFile = "settings.json"

// Save keeps s in the directory of the stack for later calls.
func (s Settings) Save(dir string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	return file.Replace(filepath.Join(dir, savedFile), b)
}

// Load reports found=false when up never ran in dir.
func Load(dir string) (s Settings, found bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, savedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("read settings: %w", err)
	}
	s.CheckMax, s.Profile = defaultCheckMax, ProfileSingle // a file from before these flags has none
	if err := json.Unmarshal(b, &s); err != nil {
		return s, false, fmt.Errorf("decode %s: %w", savedFile, err)
	}
	return s, true, nil
}
