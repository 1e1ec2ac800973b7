// Package settings is what a stack was asked to be, and the ports of its parts, which follow from that.
package settings

import (
	"errors"
	"fmt"
	"time"
)

// What runs RocketMQ and the database: the services of docker/compose.yaml, or programs of this machine.
const (
	ModeAuto   = "auto"
	ModeDocker = "docker"
	ModeJava   = "java"
)

// How much there is of each: as little as serves, or all that a production set has.
const (
	ProfileSingle  = "single"
	ProfileCluster = "cluster"
)

const (
	// BrokersMax is how many brokers the single profile may have: their ports stay clear of those of the others.
	BrokersMax = 4

	// defaultCheckMax lets a half message outlive any outage that a test makes.
	defaultCheckMax = 1000
)

// Settings is what up was asked for; later commands read it from the directory.
type Settings struct {
	Mode          string        `json:"mode"`
	Profile       string        `json:"profile"`
	Brokers       int           `json:"brokers"`
	CheckInterval time.Duration `json:"check_interval_ns"`
	CheckTimeout  time.Duration `json:"check_timeout_ns"`
	CheckMax      int           `json:"check_max"`
	PortBase      int           `json:"port_base"` // 0: the fixed default ports
	MySQLD        string        `json:"mysqld"`    // MySQL's own server; empty: MariaDB's
}

// Default is what up starts unless flags say otherwise.
func Default() Settings {
	return Settings{
		Mode: ModeAuto, Profile: ProfileSingle, Brokers: 1, CheckInterval: 5 * time.Second, CheckTimeout: 6 * time.Second, CheckMax: defaultCheckMax,
	}
}

// Clustered tells whether this is the cluster of many parts.
func (s Settings) Clustered() bool { return s.Profile == ProfileCluster }

// Validate refuses what cannot be started, by the names of the flags.
func (s Settings) Validate() error {
	switch {
	case s.Mode != ModeAuto && s.Mode != ModeDocker && s.Mode != ModeJava:
		return fmt.Errorf("-mode %q is not auto, docker or java", s.Mode)
	case s.Profile != ProfileSingle && s.Profile != ProfileCluster:
		return fmt.Errorf("-profile %q is not single or cluster", s.Profile)
	case s.Clustered() && (s.Mode == ModeDocker || s.Brokers != 1 || s.MySQLD != ""):
		return errors.New("-profile cluster has brokers and databases of its own: it goes without -brokers, -mysqld and -mode docker")
	case s.Brokers < 1 || s.Brokers > BrokersMax:
		return fmt.Errorf("-brokers %d is not between 1 and %d", s.Brokers, BrokersMax)
	case s.Mode == ModeDocker && s.Brokers > 1:
		return errors.New("docker/compose.yaml has one broker: more need -mode java")
	case s.MySQLD != "" && s.Mode != ModeJava:
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

// ExtendsTo reports whether a running stack with settings s becomes one with
// next only by starting more brokers.
func (s Settings) ExtendsTo(next Settings) bool {
	if next.Brokers < s.Brokers {
		return false
	}
	if next.Mode == ModeAuto {
		next.Mode = s.Mode
	}
	s.Brokers = next.Brokers
	return s == next
}

func (s Settings) String() string {
	return fmt.Sprintf("-mode %s -profile %s -brokers %d -check-interval %s -check-timeout %s -check-max %d -port-base %d -mysqld %q",
		s.Mode, s.Profile, s.Brokers, s.CheckInterval, s.CheckTimeout, s.CheckMax, s.PortBase, s.MySQLD)
}
