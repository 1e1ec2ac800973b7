package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	modeAuto   = "auto"
	modeDocker = "docker"
	modeJava   = "java"

	profileSingle  = "single"
	profileCluster = "cluster"

	maxBrokers = 4

	// clusterPorts is where the ports of the cluster begin unless -port-base says otherwise: below those that the system
	// gives to connections, one of which may hold a port at the moment in which a part that was killed comes back.
	clusterPorts = 25000

	// defaultCheckMax lets a half message outlive any outage that a test makes.
	defaultCheckMax = 1000

	settingsFile = "settings.json"
)

// settings is what up was asked for; later commands read it from the directory.
type settings struct {
	Mode          string        `json:"mode"`
	Profile       string        `json:"profile"`
	Brokers       int           `json:"brokers"`
	CheckInterval time.Duration `json:"check_interval_ns"`
	CheckTimeout  time.Duration `json:"check_timeout_ns"`
	CheckMax      int           `json:"check_max"`
	PortBase      int           `json:"port_base"` // 0: the fixed default ports
	MySQLD        string        `json:"mysqld"`    // MySQL's own server; empty: MariaDB's
}

func defaultSettings() settings {
	return settings{
		Mode: modeAuto, Profile: profileSingle, Brokers: 1, CheckInterval: 5 * time.Second, CheckTimeout: 6 * time.Second, CheckMax: defaultCheckMax,
	}
}

func (s *settings) define(fs *flag.FlagSet) {
	fs.StringVar(&s.Mode, "mode", s.Mode, "auto, docker or java")
	fs.StringVar(&s.Profile, "profile", s.Profile, "single, or cluster: every part twice or more, and the office too")
	fs.IntVar(&s.Brokers, "brokers", s.Brokers, "brokers in the cluster")
	fs.DurationVar(&s.CheckInterval, "check-interval", s.CheckInterval, "time between two rounds of check-backs")
	fs.DurationVar(&s.CheckTimeout, "check-timeout", s.CheckTimeout, "age of a half message at its first check-back")
	fs.IntVar(&s.CheckMax, "check-max", s.CheckMax, "check-backs of a half message before it is given up")
	fs.IntVar(&s.PortBase, "port-base", s.PortBase, "first of 100 ports to use")
	fs.StringVar(&s.MySQLD, "mysqld", s.MySQLD, "MySQL's own server, instead of the installed MariaDB (mysql-root.sh fetches one)")
}

func (s settings) validate() error {
	switch {
	case s.Mode != modeAuto && s.Mode != modeDocker && s.Mode != modeJava:
		return fmt.Errorf("-mode %q is not auto, docker or java", s.Mode)
	case s.Profile != profileSingle && s.Profile != profileCluster:
		return fmt.Errorf("-profile %q is not single or cluster", s.Profile)
	case s.clustered() && (s.Mode == modeDocker || s.Brokers != 1 || s.MySQLD != ""):
		return errors.New("-profile cluster has brokers and databases of its own: it goes without -brokers, -mysqld and -mode docker")
	case s.Brokers < 1 || s.Brokers > maxBrokers:
		return fmt.Errorf("-brokers %d is not between 1 and %d", s.Brokers, maxBrokers)
	case s.Mode == modeDocker && s.Brokers > 1:
		return errors.New("docker/compose.yaml has one broker: more need -mode java")
	case s.MySQLD != "" && s.Mode != modeJava:
		return errors.New("-mysqld needs -mode java: docker/compose.yaml has a MySQL of its own")
	case s.CheckInterval < time.Millisecond:
		return fmt.Errorf("-check-interval %s is less than 1ms", s.CheckInterval)
	case s.CheckTimeout < time.Millisecond:
		return fmt.Errorf("-check-timeout %s is less than 1ms", s.CheckTimeout)
	case s.CheckMax < 1:
		return fmt.Errorf("-check-max %d is less than 1", s.CheckMax)
	case s.PortBase != 0 && (s.PortBase < 1024 || s.PortBase > 65535-100):
		return fmt.Errorf("-port-base %d is not between 1024 and %d", s.PortBase, 65535-100)
	}
	return nil
}

// extendsTo reports whether a running stack with settings s becomes one with
// next only by starting more brokers.
func (s settings) extendsTo(next settings) bool {
	if next.Brokers < s.Brokers {
		return false
	}
	if next.Mode == modeAuto {
		next.Mode = s.Mode
	}
	s.Brokers = next.Brokers
	return s == next
}

// resolveMode turns auto into docker when an engine answers and one broker is
// enough, else into java.
func (s settings) resolveMode(ctx context.Context) (string, error) {
	if s.Mode == modeJava || s.Mode == modeAuto && (s.Brokers > 1 || s.clustered()) {
		return modeJava, nil
	}
	err := findEngine(ctx)
	if err == nil {
		return modeDocker, nil
	}
	if s.Mode == modeDocker {
		return "", err
	}
	return modeJava, nil
}

func (s settings) String() string {
	return fmt.Sprintf("-mode %s -profile %s -brokers %d -check-interval %s -check-timeout %s -check-max %d -port-base %d -mysqld %q",
		s.Mode, s.Profile, s.Brokers, s.CheckInterval, s.CheckTimeout, s.CheckMax, s.PortBase, s.MySQLD)
}

func (s settings) save(dir string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	return writeFile(filepath.Join(dir, settingsFile), b)
}

// loadSettings reports found=false when up never ran in dir.
func loadSettings(dir string) (s settings, found bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("read settings: %w", err)
	}
	s.CheckMax, s.Profile = defaultCheckMax, profileSingle // a file from before these flags has none
	if err := json.Unmarshal(b, &s); err != nil {
		return s, false, fmt.Errorf("decode %s: %w", settingsFile, err)
	}
	return s, true, nil
}

// writeFile replaces path whole, so that a reader never sees half a file.
func writeFile(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("replace file: %w", err)
	}
	return nil
}
