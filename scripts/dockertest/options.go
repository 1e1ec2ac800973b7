package main

import "errors"

// errNotRun says that this machine cannot run the test, which is no failure of the set.
var errNotRun = errors.New("NOT RUN: the test of the docker set")

// options is what a run is asked for.
type options struct {
	dir    string // images, build cache, what is made for them
	jars   string // RocketMQ's
	mysqld string // as mysql-root.sh prints it: MySQL's root directory is beside it
	inside bool
}
