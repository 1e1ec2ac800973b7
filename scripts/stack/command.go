package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"boxoffice/scripts/stack/internal/settings"
)

const usage = `usage: stack VERB [flags]
  up           start what is not running and wait until all of it is ready
  down         stop what up started; -purge also removes the data
  status       say for each part whether it runs, its pid and its port
  env          print the shell lines that point boxoffice at the stack; -test: its tests
  kill PART    SIGKILL one part (namesrv, broker, broker2 ..., db; status lists them)
  freeze PART  SIGSTOP one part: it keeps its connections and says nothing
  thaw PART    have a frozen part go on
  jars         download RocketMQ, and print where it is
  start PART   start one part again and wait until it is ready
flags: -dir DIR; up: -profile -brokers -check-interval -check-timeout -check-max -port-base -mode -mysqld; env: -test; down: -purge`

var errUsage = errors.New(usage)

// command is one parsed call of this program.
type command struct {
	verb     string
	part     string // kill, freeze, thaw and start only
	dir      string
	purge    bool
	test     bool // env only
	settings settings.Settings
}

// parse reads args; flags that are not given keep the value in base.
func parse(args []string, base settings.Settings, dir string) (command, error) {
	if len(args) == 0 {
		return command{}, errUsage
	}
	c := command{verb: args[0], dir: dir, settings: base}
	rest := args[1:]
	fs := flag.NewFlagSet(c.verb, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&c.dir, "dir", dir, "downloads, data and logs")
	switch c.verb {
	case "up":
		c.settings.Define(fs)
	case "down":
		fs.BoolVar(&c.purge, "purge", false, "also remove the data")
	case "env":
		fs.BoolVar(&c.test, "test", false, "for the tests, which may kill the stack's parts")
	case "status", "jars":
	case "kill", "freeze", "thaw", "start":
		if len(rest) == 0 {
			return command{}, fmt.Errorf("%s needs the name of a part\n%w", c.verb, errUsage)
		}
		c.part, rest = rest[0], rest[1:]
	default:
		return command{}, fmt.Errorf("no verb %q\n%w", c.verb, errUsage)
	}
	if err := fs.Parse(rest); err != nil {
		return command{}, fmt.Errorf("%w\n%w", err, errUsage)
	}
	if fs.NArg() > 0 {
		return command{}, fmt.Errorf("argument %q too many\n%w", fs.Arg(0), errUsage)
	}
	dir, err := filepath.Abs(c.dir)
	c.dir = dir
	return c, errors.Join(err, c.settings.Validate())
}

// defaultDir is BOXOFFICE_STACK_DIR, else a directory in the user's cache.
// Root's cache is unreadable for the mysql user that the database runs as, so
// root gets the system's cache.
func defaultDir(getenv func(string) string) (string, error) {
	if dir := getenv("BOXOFFICE_STACK_DIR"); dir != "" {
		return dir, nil
	}
	if os.Geteuid() == 0 {
		return "/var/cache/boxoffice-stack", nil
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "boxoffice-stack"), err
}
