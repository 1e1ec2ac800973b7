package commitlog

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// notedName is a file that says up to where the log was on the disk when it was
// last opened or closed. Whatever is missing before that is damage: no crash
// since then can have torn it. A log of an earlier version has none, and may
// be read by one, which passes over it.
const notedName = "DURABLE"

const notedLayout = "%020d %08x\n"

func (l *Log) notedFile() string { return filepath.Join(l.options.Dir, notedName) }

// readNoted returns what is noted, -1 when nothing is. It fails with a NoteError when the
// file is not whole: no crash leaves such a one, and without it what was durable
// could be cut off as if a crash had torn it.
func (l *Log) readNoted() (int64, error) {
	raw, err := os.ReadFile(l.notedFile())
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("read how much was durable: %w", err)
	}
	var end int64
	var sum uint32
	if _, err := fmt.Sscanf(string(raw), notedLayout, &end, &sum); err != nil || string(raw) != note(end) {
		return -1, &NoteError{l.notedFile()}
	}
	return end, nil
}

func note(end int64) string {
	return fmt.Sprintf(notedLayout, end, crc32.Checksum(fmt.Appendf(nil, "%020d", end), crc32.MakeTable(crc32.Castagnoli)))
}

// noteDurable notes the end of a log that is on the disk as a whole. What cannot
// be noted, on a full disk, stays as it was, and is still true.
func (l *Log) noteDurable() {
	if l.options.NoSync || l.noted == l.end {
		return
	}
	tmp := l.notedFile() + ".tmp"
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	_, err = file.WriteString(note(l.end))
	if errors.Join(err, file.Sync(), file.Close()) == nil && os.Rename(tmp, l.notedFile()) == nil {
		l.noted = l.end
		return
	}
	_ = os.Remove(tmp)
}

// forgetNoted takes the note back before a part of the log is cut off that it speaks of.
func (l *Log) forgetNoted() error {
	if err := os.Remove(l.notedFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget how much was durable: %w", err)
	}
	l.noted = -1
	return nil
}
