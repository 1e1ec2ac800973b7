package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

const sectorBytes = 512

var errPowerLost = errors.New("power lost")

// disk is a disk with a volatile cache: what is written is seen at once, but
// reaches the real files only by Sync, and a new file's name only by a Sync of
// its directory. When the power goes, any part of the cache may have reached
// them or not, sector by sector.
type disk struct {
	mu     sync.Mutex
	random *rand.Rand
	lost   bool
	syncs  int // until the power goes
	files  map[string]*cachedFile
}

type cachedFile struct {
	*os.File
	disk   *disk
	name   string
	linked bool // the directory was synced since it was created
	cache  []cachedWrite
}

type cachedWrite struct {
	data   []byte
	offset int64
}

func (d *disk) openFile(name string, flag int, perm fs.FileMode) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost {
		return nil, errPowerLost
	}
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	file := &cachedFile{File: f, disk: d, name: name, linked: flag&os.O_CREATE == 0}
	if flag != os.O_RDONLY {
		d.files[name] = file
	}
	return file, nil
}

func (f *cachedFile) WriteAt(p []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.lost {
		return 0, errPowerLost
	}
	f.cache = append(f.cache, cachedWrite{append([]byte(nil), p...), offset})
	return len(p), nil
}

func (f *cachedFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.syncs--
	if f.disk.lost || f.disk.syncs < 0 {
		f.disk.lost = true
		return errPowerLost
	}
	for _, w := range f.cache {
		if _, err := f.File.WriteAt(w.data, w.offset); err != nil {
			return err
		}
	}
	f.cache = nil
	for _, file := range f.disk.files {
		file.linked = file.linked || filepath.Dir(file.name) == f.name
	}
	return nil
}

// crash leaves in the real files what the power loss left.
func (d *disk) crash(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = true
	for _, f := range d.files {
		real, err := os.OpenFile(f.name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range f.cache {
			for at := 0; at < len(w.data); at += sectorBytes {
				if d.random.IntN(2) == 0 {
					continue
				}
				if _, err := real.WriteAt(w.data[at:min(at+sectorBytes, len(w.data))], w.offset+int64(at)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := real.Close(); err != nil {
			t.Fatal(err)
		}
		if !f.linked && d.random.IntN(2) == 0 {
			if err := os.Remove(f.name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The power goes after every possible number of syncs. Whatever had been waited
// for is there afterwards, in a log without holes, and no record is invented.
func TestPowerLoss(t *testing.T) {
	for syncs := range 120 {
		dir := t.TempDir()
		d := &disk{random: rand.New(rand.NewPCG(3, uint64(syncs))), syncs: syncs, files: map[string]*cachedFile{}}
		appended, acknowledged := appendUntilPowerLoss(t, d, dir)
		d.crash(t)
		_, replayed := reopen(t, Options{Dir: dir, SegmentBytes: 5000})
		for _, r := range replayed {
			if appended[r.offset] != r.payload {
				t.Fatalf("after %d syncs: record at %d was never appended", syncs, r.offset)
			}
			delete(acknowledged, r.offset)
		}
		if len(acknowledged) > 0 {
			t.Fatalf("after %d syncs: %d acknowledged records are gone", syncs, len(acknowledged))
		}
	}
}

func appendUntilPowerLoss(t *testing.T, d *disk, dir string) (appended map[int64]string, acknowledged map[int64]bool) {
	t.Helper()
	appended, acknowledged = map[int64]string{}, map[int64]bool{}
	l, err := Open(Options{Dir: dir, SegmentBytes: 5000, OpenFile: d.openFile}, nil)
	if errors.Is(err, errPowerLost) {
		return appended, acknowledged
	}
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var dead atomic.Bool
	for w := range 4 {
		wg.Go(func() {
			for i := 0; !dead.Load() && i < 100; i++ {
				payload := fmt.Sprintf("writer %d record %d %0*d", w, i, 40*w*w+1, 0)
				offset, end, err := l.Append(func(dst []byte, offset int64) []byte {
					mu.Lock()
					appended[offset] = payload
					mu.Unlock()
					return append(dst, payload...)
				})
				if err == nil {
					err = wait(waitContext(t), l, end)
				}
				if err != nil {
					dead.Store(true)
					return
				}
				mu.Lock()
				acknowledged[offset] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	_ = l.Close()
	return appended, acknowledged
}
