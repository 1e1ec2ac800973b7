package settings

import "flag"

// Define has fs set s; a flag that is not given leaves what is there.
func (s *Settings) Define(fs *flag.FlagSet) {
	fs.StringVar(&s.Mode, "mode", s.Mode, "auto, docker or java")
	fs.StringVar(&s.Profile, "profile", s.Profile, "single, or cluster: every part twice or more, and the office too")
	fs.IntVar(&s.Brokers, "brokers", s.Brokers, "brokers in the cluster")
	fs.DurationVar(&s.CheckInterval, "check-interval", s.CheckInterval, "time between two rounds of check-backs")
	fs.DurationVar(&s.CheckTimeout, "check-timeout", s.CheckTimeout, "age of a half message at its first check-back")
	fs.IntVar(&s.CheckMax, "check-max", s.CheckMax, "check-backs of a half message before it is given up")
	fs.IntVar(&s.PortBase, "port-base", s.PortBase, "first of 100 ports to use")
	fs.StringVar(&s.MySQLD, "mysqld", s.MySQLD, "MySQL's own server, instead of the installed MariaDB (mysql-root.sh fetches one)")
}
