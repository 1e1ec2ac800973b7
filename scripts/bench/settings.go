package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	defaultRounds   = 10
	defaultDuration = 3 * time.Second
	quickRounds     = 3
	quickDuration   = 500 * time.Millisecond
	roundsMax       = 1000
	durationMax     = time.Minute
)

func parse(args []string, usage io.Writer) (settings, error) {
	s := settings{rounds: defaultRounds, duration: defaultDuration}
	var only string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.BoolVar(&s.stack, "stack", false,
		"measure on the RocketMQ and MySQL of BOXOFFICE_NAMESRV, BOXOFFICE_STOCK_DSN and BOXOFFICE_ORDER_DSN")
	flags.BoolVar(&s.quick, "quick", false, "a minute's worth: short measurements, few rounds, the core groups")
	flags.StringVar(&only, "only", "",
		"groups of goals or measurements, separated by commas; the groups: "+strings.Join(groupNames(everyGroup), ", "))
	flags.IntVar(&s.rounds, "rounds", s.rounds, "rounds; each measures everything once, in random order")
	flags.DurationVar(&s.duration, "slot", s.duration, "measured time of one measurement in one round")
	flags.Uint64Var(&s.seed, "seed", 0, "of the order of measurements and the confidence intervals (0: random)")
	flags.StringVar(&s.dir, "dir", "", "directory of the data, which decides the disk (empty: a temporary one)")
	flags.StringVar(&s.profile, "cpuprofile", "", "write a processor profile of the run to this file")
	flags.BoolVar(&s.verbose, "v", false, "show warnings of the parts")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	s.complete(given, only)
	return s, s.check(flags.Args())
}

// complete sets what was not given by what kind of run was asked for.
func (s *settings) complete(given map[string]bool, only string) {
	if s.quick && !given["rounds"] {
		s.rounds = quickRounds
	}
	if s.quick && !given["slot"] {
		s.duration = quickDuration
	}
	if s.seed == 0 {
		s.seed = rand.Uint64()
	}
	switch {
	case only != "":
		s.only = strings.Split(only, ",")
	case s.quick:
		s.only = groupNames(func(g group) bool { return g.quick })
	case s.stack:
		s.only = groupNames(func(g group) bool { return g.stack })
	default:
		s.only = groupNames(func(g group) bool { return g.embedded })
	}
}

func (s *settings) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unknown argument %q", rest[0])
	}
	for _, name := range s.only {
		if len(measurementNames([]string{name})) == 0 {
			return fmt.Errorf("no group or measurement %q: the groups are %s", name, strings.Join(groupNames(everyGroup), ", "))
		}
	}
	if s.rounds < 1 || s.rounds > roundsMax {
		return fmt.Errorf("-rounds must be from 1 to %d", roundsMax)
	}
	if s.duration <= 0 || s.duration > durationMax {
		return errors.New("-slot must be up to a minute")
	}
	return nil
}
