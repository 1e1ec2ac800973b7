package store

import (
	"io/fs"
	"log/slog"
	"net/netip"
	"path/filepath"
	"time"

	"boxoffice/broker/internal/commitlog"
)

// Options are the settings of a Store.
type Options struct {
	Dir         string
	KeepReserve bool           // keeps a file whose room saves queues.json on a full disk
	Host        netip.AddrPort // the store host of messages
	Now         func() time.Time
	Log         *slog.Logger
	Arrived     func(*Queue) // called when messages have become visible on a queue; must not block

	DelayLevels  []time.Duration
	SegmentBytes int64
	RetainAge    time.Duration // 0: none
	RetainBytes  int64         // 0: any number
	NoSync       bool
	CutDamage    bool

	// OpenFile opens the log's files; tests put faults in. nil is os.OpenFile.
	OpenFile func(name string, flag int, perm fs.FileMode) (commitlog.File, error)
}

func (o *Options) nowMs() int64 { return o.Now().UnixMilli() }

func (o *Options) path(name string) string { return filepath.Join(o.Dir, name) }
