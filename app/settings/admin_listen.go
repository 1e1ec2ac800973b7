package settings

import (
	"errors"
	"flag"
	"net"
)

// ParseAdminListen reads where the admin listener of a running office is, which is all that a command needs that asks it
// over HTTP; the command's own flags are defined by define.
func ParseAdminListen(call Invocation, define func(*flag.FlagSet)) (address string, err error) {
	flags := flag.NewFlagSet("boxoffice "+call.Command, flag.ContinueOnError)
	setting := func(flags *flag.FlagSet) {
		flags.StringVar(&address, "admin-listen", defaultAdminListen, adminListenUsage)
	}
	setting(flags)
	if err := applyEnvironment(flags, call.Getenv); err != nil {
		return "", err
	}
	define(flags)
	if err := ParseFlags(flags, call, func() { PrintFlags(call.Stdout, define, setting) }); err != nil {
		return "", err
	}
	if _, port, err := net.SplitHostPort(address); err != nil || port == "0" {
		return "", errors.New("set BOXOFFICE_ADMIN_LISTEN to the host:port of the office's admin listener")
	}
	return address, nil
}
