package main

import "strconv"

// The parts of the cluster, by the name of the first of each kind; the others have a number behind it.
const (
	slaveName  = "slave"
	nodeName   = "db"
	proxyName  = "haproxy"
	masters    = 2
	nodes      = 3
	ofEachRole = 2
)

// The stages in which the cluster starts. The databases come one after the other: each takes what it has missed from
// one that is there.
const (
	stageQueue = iota
	stageNodes
	stageProxy  = stageNodes + nodes
	stageOffice = stageProxy + 1
)

// clusterParts is every part of which an office has two or more in production, on one machine.
func (s stack) clusterParts() []part {
	all := []part{s.namesrv(), s.namesrvAt(namesrvName+"2", s.settings.furtherNamesrvPort())}
	for i := range masters {
		name := "broker-" + string(rune('a'+i))
		all = append(all,
			s.smallBroker(numbered(brokerName, i), brokerConf{name: name, port: s.settings.brokerPort(i), replica: copied}),
			s.smallBroker(numbered(slaveName, i), brokerConf{name: name, port: s.settings.brokerPort(masters + i), replica: copyOfMaster}))
	}
	for i := range nodes {
		all = append(all, s.node(i))
	}
	all = append(all, s.proxy())
	for kind, role := range officeRoles() {
		for i := range ofEachRole {
			all = append(all, s.officeProcess(numbered(role, i), role, ofEachRole*kind+i))
		}
	}
	return all
}

// smallBroker is a broker of which a machine runs four beside everything else.
func (s stack) smallBroker(name string, conf brokerConf) part {
	p := s.brokerAt(name, conf, "-Xms256m", "-Xmx384m", "-XX:MaxDirectMemorySize=256m", "-XX:+UseSerialGC")
	p.patience = nodeWait // after a kill it reads its log first, which took 95 s on a machine with much other work
	return p
}

// numbered is the name of the i-th part of a kind, from 0: broker, broker2.
func numbered(kind string, i int) string {
	if i == 0 {
		return kind
	}
	return kind + strconv.Itoa(i+1)
}
