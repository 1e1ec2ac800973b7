package commitlog

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	defaultSegmentBytes   = 64 << 20
	defaultMaxRecordBytes = 8 << 20
	defaultMaxUnflushed   = 64 << 20
	largestRecordBytes    = 1 << 30
	defaultLinger         = 2 * time.Millisecond
)

// lockName is the file in the directory that carries the lock.
const lockName = "LOCK"

// Options of Open. The zero value of every field but Dir is a default.
type Options struct {
	Dir               string        // created if it is not there
	SegmentBytes      int64         // a segment is closed before it grows larger; 64 MiB
	MaxRecordBytes    int           // limit of one payload in Append; 8 MiB
	MaxUnflushedBytes int64         // Append blocks while more than this is not durable; 64 MiB
	Linger            time.Duration // AppendSoon is durable after this at the latest, but for the fsync; 2 ms
	CutDamage         bool          // give up what is damaged and everything behind it
	NoSync            bool          // leave durability to the page cache; for tests and benchmarks

	// OpenFile opens segment files, and directories to fsync them. It is the
	// seam for fault tests; nil is os.OpenFile.
	OpenFile func(name string, flag int, perm fs.FileMode) (File, error)
}

// File is what the log needs of an *os.File.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" || o.SegmentBytes < 0 || o.MaxRecordBytes < 0 || o.MaxUnflushedBytes < 0 || o.MaxRecordBytes > largestRecordBytes {
		return o, fmt.Errorf("open log: invalid options: dir %q, segment %d, record %d, unflushed %d bytes",
			o.Dir, o.SegmentBytes, o.MaxRecordBytes, o.MaxUnflushedBytes)
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.MaxRecordBytes == 0 {
		o.MaxRecordBytes = defaultMaxRecordBytes
	}
	if o.MaxUnflushedBytes == 0 {
		o.MaxUnflushedBytes = defaultMaxUnflushed
	}
	if o.Linger <= 0 {
		o.Linger = defaultLinger
	}
	if o.OpenFile == nil {
		o.OpenFile = func(name string, flag int, perm fs.FileMode) (File, error) {
			return os.OpenFile(name, flag, perm)
		}
	}
	return o, nil
}
