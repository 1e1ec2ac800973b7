// Command dockertest starts the production set of docker/compose.yaml for real, and holds it to what it promises:
//
//	make test-docker
//
// It runs Docker's engine in namespaces of its own: no port, network, firewall rule or process of this machine is touched,
// and all of it ends with the program. There is no registry in there, so images are made on the spot that stand in for those
// that compose.yaml names (standins); the app's own is built by its Dockerfile. It sells through the published port, kills the
// process of each container, takes the set down and up again, and asks the doctor. Then the examples' broker is started.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	wholeTimeout = 15 * time.Minute // of a run with all its downloads; a later one takes some three or five
	cleanUpTime  = 2 * time.Minute  // of it, in which what runs inside ends in order
)

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "/var/cache/boxoffice-docker", "images and build cache, which make a later run fast")
	flag.StringVar(&o.jars, "jars", "", "directory of RocketMQ's jars, as `stack jars` prints it")
	flag.StringVar(&o.mysqld, "mysqld", "", "MySQL's server, as mysql-root.sh prints it")
	flag.BoolVar(&o.inside, "inside", false, "for the program itself: it runs in its namespaces")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	limit := wholeTimeout
	if o.inside {
		limit -= cleanUpTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	err := run(ctx, o)
	cancel()
	stop()
	if errors.Is(err, errNotRun) {
		fmt.Fprintln(os.Stderr, err)
		if o.inside {
			os.Exit(exitNoEngine)
		}
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dockertest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.inside {
		return runInside(ctx, o)
	}
	if err := missing(ctx, o); err != nil {
		return err
	}
	return runOutside(ctx, o)
}
