package commitlog

import (
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// gate opens files whose Sync, once they are written to, waits for permits. It
// tells when a Sync has begun.
type gate struct {
	permits chan struct{}
	begun   chan struct{}
	once    sync.Once
	fail    atomic.Pointer[error] // what a Sync returns from now on
	fileOps atomic.Int64          // calls on written files after fail was set
}

func newGate() *gate {
	return &gate{permits: make(chan struct{}), begun: make(chan struct{}, 1000)}
}

// open lets every Sync through from now on.
func (g *gate) open() { g.once.Do(func() { close(g.permits) }) }

func (g *gate) openFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &gatedFile{File: f, gate: g}, nil
}

type gatedFile struct {
	*os.File
	gate    *gate
	written atomic.Bool
}

func (f *gatedFile) WriteAt(p []byte, offset int64) (int, error) {
	if f.gate.fail.Load() != nil {
		f.gate.fileOps.Add(1)
	}
	f.written.Store(true)
	return f.File.WriteAt(p, offset)
}

func (f *gatedFile) Sync() error {
	if !f.written.Load() {
		return nil
	}
	f.gate.begun <- struct{}{}
	<-f.gate.permits
	if err := f.gate.fail.Load(); err != nil {
		f.gate.fileOps.Add(1)
		return *err
	}
	return nil
}

func awaitBegun(t *testing.T, g *gate) {
	t.Helper()
	select {
	case <-g.begun:
	case <-waitContext(t).Done():
		t.Fatal("no sync began")
	}
}
