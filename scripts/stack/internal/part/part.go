// Package part runs the processes of a stack: each has a name, a port, data and a log of its own below the stack's directory,
// and is ready some time after it has started.
package part

import (
	"context"
	"path/filepath"
	"strconv"
	"time"
)

const (
	// ReadyWait is how long a part may take until it is ready; a cold start takes about 10 s on 2 cores.
	ReadyWait = 90 * time.Second
	// LoadWait is the same for a part that has to copy a database or to read a log whole, on a machine with other work:
	// after a kill a broker took 95 s to read its log.
	LoadWait = 4 * time.Minute

	probeWait = 2 * time.Second // one question to a part
)

// Part is one process of the stack.
type Part struct {
	Name  string
	Port  int
	Stage int // those of a lower one are ready before it starts, and are stopped after it
	// Prepare makes data and configuration and returns the command line.
	Prepare  func(ctx context.Context, dir string) (argv, env []string, err error)
	Patience time.Duration // until it is ready; 0 is ReadyWait
	// Ready is nil once the part serves; it is asked again and again.
	Ready func(ctx context.Context) error
}

func (p Part) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	return p.Ready(ctx)
}

// Numbered is the name of the i-th part of a kind, from 0: broker, broker2.
func Numbered(kind string, i int) string {
	if i == 0 {
		return kind
	}
	return kind + strconv.Itoa(i+1)
}

// Dir is the directory of a stack. Below it, run/ has the pid files, and data/NAME/ the data and the log of one part.
type Dir string

// PidFile is where the process of a part is noted.
func (d Dir) PidFile(name string) string { return filepath.Join(string(d), "run", name+".pid") }

// AllData is the directory of the data of all parts.
func (d Dir) AllData() string { return filepath.Join(string(d), "data") }

// Data is the directory of one part's data.
func (d Dir) Data(name string) string { return filepath.Join(d.AllData(), name) }

func (d Dir) logFile(name string) string { return filepath.Join(d.Data(name), "out.log") }
