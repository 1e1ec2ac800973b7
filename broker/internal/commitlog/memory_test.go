package commitlog

import (
	"io"
	"io/fs"
	"os"
	"testing/fstest"
)

// memoryFiles holds the contents of segments by path, for a test that opens a
// log so often that the file system's time would be all of its time. The names
// stay in the real directory. It is for one log at a time.
type memoryFiles map[string][]byte

func (m memoryFiles) openFile(name string, _ int, _ fs.FileMode) (File, error) {
	if _, ok := m[name]; !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{m, name}, nil
}

type memoryFile struct {
	files memoryFiles
	name  string
}

func (f *memoryFile) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= int64(len(f.files[f.name])) {
		return 0, io.EOF
	}
	n := copy(p, f.files[f.name][offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) WriteAt(p []byte, offset int64) (int, error) {
	if missing := offset + int64(len(p)) - int64(len(f.files[f.name])); missing > 0 {
		f.files[f.name] = append(f.files[f.name], make([]byte, missing)...)
	}
	return copy(f.files[f.name][offset:], p), nil
}

func (f *memoryFile) Truncate(size int64) error {
	if size > int64(len(f.files[f.name])) {
		return os.ErrInvalid
	}
	f.files[f.name] = f.files[f.name][:size]
	return nil
}

func (f *memoryFile) Stat() (fs.FileInfo, error) {
	return fs.Stat(fstest.MapFS{"segment": {Data: f.files[f.name]}}, "segment")
}

func (f *memoryFile) Sync() error  { return nil }
func (f *memoryFile) Close() error { return nil }
