package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

// broker is one broker, with what it shares with all others of the stack in dir: its nameservers, and when it checks.
func broker(stackDir part.Dir, name string, conf brokerConf, s settings.Settings, memory ...string) part.Part {
	conf = conf.sharing(s)
	return part.Part{
		Name: name,
		Port: conf.port,
		Prepare: func(_ context.Context, dir string) (argv, env []string, err error) {
			conf.store = dir
			return javaCommand(Jars(stackDir), dir, "org.apache.rocketmq.broker.BrokerStartup", conf.render(), memory...)
		},
		Ready: func(ctx context.Context) error { return BrokerReady(ctx, conf.port, s.NamesrvAddrs()) },
	}
}

// smallBroker is a broker of which a machine runs four beside everything else.
func smallBroker(stackDir part.Dir, name string, conf brokerConf, s settings.Settings) part.Part {
	p := broker(stackDir, name, conf, s, "-Xms256m", "-Xmx384m", "-XX:MaxDirectMemorySize=256m", "-XX:+UseSerialGC")
	p.Patience = part.LoadWait
	return p
}

// BrokerReady wants both: the broker opens its port before it registers, and
// a nameserver may remember a broker that died. One nameserver of several is enough.
func BrokerReady(ctx context.Context, port int, namesrvs []string) error {
	addr := settings.Loopback(port)
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("connect broker: %w", err)
	}
	if err := conn.Close(); err != nil {
		return fmt.Errorf("close broker connection: %w", err)
	}
	var failed error
	for _, namesrv := range namesrvs {
		cluster, err := clusterInfo(ctx, namesrv)
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case strings.Contains(cluster, `"`+addr+`"`):
			return nil
		default:
			failed = errors.Join(failed, fmt.Errorf("broker %s is not registered at the nameserver %s", addr, namesrv))
		}
	}
	return failed
}
