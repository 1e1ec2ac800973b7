package crash

import (
	"errors"
	"flag"
	"io"
	"time"
)

// Options says how long a drill is and where it runs.
type Options struct {
	Kills int           // after which it ends
	For   time.Duration // after which it ends, also with fewer kills; 0 is no limit
	Cuts  int           // most connections that are cut; below 0 is each statement once, before and afterwards
	Seed  uint64        // of what is killed at random, and when
	Port  int           // the first of three on loopback
	Dir   string        // of everything that the office keeps; empty: one that is removed afterwards
	Stack string        // directory of scripts/stack, whose RocketMQ and database are used; empty: the embedded ones
	Hurry bool          // do not wait for the leases of the dead at the end
	Each  int           // kills after which the office comes to rest and everything is compared

	Statements bool // cut a connection at each statement, before and afterwards, and kill nothing else

	Binary string // the program, built with failpoints; empty: it is built
}

// parse reads the flags of the profile process.
func parse(args []string, output io.Writer) (Options, error) {
	o := Options{}
	flags := flag.NewFlagSet("drill -profile process", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.IntVar(&o.Kills, "kills", 1000, "kills after which it ends")
	flags.DurationVar(&o.For, "for", 0, "time after which it ends, also with fewer kills; 0 is no limit")
	flags.IntVar(&o.Cuts, "cuts", -1, "most connections that are cut; -1 is each statement once, before and afterwards")
	flags.Uint64Var(&o.Seed, "seed", 1, "of what is killed at random, and when")
	flags.IntVar(&o.Port, "port-base", 24100, "first of three ports on loopback")
	flags.StringVar(&o.Dir, "dir", "", "directory of all that the office keeps (empty: one that is removed afterwards)")
	flags.StringVar(&o.Stack, "stack", "", "directory of a running scripts/stack, to use its RocketMQ and its database (empty: the embedded ones)")
	flags.BoolVar(&o.Hurry, "hurry", false, "end what the dead had claimed for up to a minute at once, by SQL, instead of waiting for it")
	flags.IntVar(&o.Each, "each", 250, "kills after which the office comes to rest, and everything is compared")
	flags.BoolVar(&o.Statements, "statements", false,
		"instead of kills, cut a connection once at each statement, before and afterwards, until two rounds find none left that comes by")
	flags.StringVar(&o.Binary, "binary", "", "the program, built with -tags failpoints (empty: it is built)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.Kills < 1 || o.Each < 1 || o.Port < 1024 || o.Port > 65533 {
		return o, errors.New("-kills and -each want 1 or more, -port-base a port, and nothing else is expected")
	}
	return o, nil
}
