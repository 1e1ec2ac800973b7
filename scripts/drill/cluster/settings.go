package cluster

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// settings is what a drill is asked for.
type settings struct {
	dir    string
	base   int
	parts  string
	random int
	seed   uint64
	down   time.Duration
	freeze time.Duration
	limit  time.Duration
	keep   bool
}

func parse(args []string, out io.Writer) (settings, error) {
	s := settings{}
	flags := flag.NewFlagSet("drill -profile cluster", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&s.dir, "dir", filepath.Join(os.TempDir(), "boxoffice-drill-cluster"), "directory of the stack")
	flags.IntVar(&s.base, "port-base", 25000, "first of 100 ports to use")
	flags.StringVar(&s.parts, "parts", "all", "parts that are killed and frozen in turn, by their names with , between, or all, or none")
	flags.IntVar(&s.random, "random", 0, "further faults that the seed chooses, some of them two at a time")
	flags.Uint64Var(&s.seed, "seed", 1, "of the faults that are chosen at random")
	flags.DurationVar(&s.down, "down", 5*time.Second, "time until a killed part is started again")
	flags.DurationVar(&s.freeze, "freeze", 20*time.Second, "time that a part is frozen")
	flags.DurationVar(&s.limit, "for", 0, "time after which no further fault begins; 0 is no limit")
	flags.BoolVar(&s.keep, "keep", false, "leave the stack running")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("argument %q too many", flags.Arg(0))
	}
	if s.down <= 0 || s.freeze <= 0 || s.random < 0 {
		return s, errors.New("-down and -freeze must be more than 0, -random not less")
	}
	return s, nil
}
