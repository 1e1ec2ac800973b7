package rocketmq

import (
	"strings"

	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

const (
	namesrvName = "namesrv"
	brokerName  = "broker"
	slaveName   = "slave"
)

// IsNamesrv tells a nameserver from a broker by the name of the part.
func IsNamesrv(name string) bool { return strings.HasPrefix(name, namesrvName) }

// Single is as many brokers as the settings say and one nameserver; dir is the directory of the stack.
func Single(dir part.Dir, s settings.Settings) []part.Part {
	var all []part.Part
	for i := range s.Brokers {
		all = append(all, broker(dir, part.Numbered(brokerName, i), brokerConf{name: confName(i), port: s.BrokerPort(i)}, s,
			"-Xms512m", "-Xmx1g", "-XX:MaxDirectMemorySize=512m", "-XX:+UseG1GC"))
	}
	return append(all, namesrv(dir, namesrvName, s.NamesrvPort()))
}

// Cluster is two nameservers, and masters each with a slave.
func Cluster(dir part.Dir, s settings.Settings) []part.Part {
	all := []part.Part{namesrv(dir, namesrvName, s.NamesrvPort()), namesrv(dir, part.Numbered(namesrvName, 1), s.FurtherNamesrvPort())}
	for i := range settings.Masters {
		all = append(all,
			smallBroker(dir, part.Numbered(brokerName, i), brokerConf{name: confName(i), port: s.BrokerPort(i), replica: copied}, s),
			smallBroker(dir, part.Numbered(slaveName, i),
				brokerConf{name: confName(i), port: s.BrokerPort(settings.Masters + i), replica: copyOfMaster}, s))
	}
	return all
}

// confName is what a master and its slave are both called at the nameservers.
func confName(i int) string { return "broker-" + string(rune('a'+i)) }
