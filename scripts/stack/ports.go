package main

import (
	"net"
	"strconv"
)

// clustered tells whether this is the cluster of many parts.
func (s settings) clustered() bool { return s.Profile == profileCluster }

// base is the first port to use; 0 is for the fixed ports of the single profile.
func (s settings) base() int {
	if s.PortBase == 0 && s.clustered() {
		return clusterPorts
	}
	return s.PortBase
}

func (s settings) namesrvPort() int {
	if s.base() != 0 {
		return s.base()
	}
	return 19876
}

func (s settings) dbPort() int {
	if s.base() != 0 {
		return s.base() + 1
	}
	return 13306
}

// brokerPort is the remoting port of the i-th broker, from 0. The broker also
// takes the port 2 below (the fast remoting server) and the one above (HA).
func (s settings) brokerPort(i int) int {
	if s.base() != 0 {
		return s.base() + 10*(i+1)
	}
	return 20911 + 1000*i
}

// furtherNamesrvPort is the port of the cluster's second nameserver.
func (s settings) furtherNamesrvPort() int { return s.base() + 2 }

// nodePorts are the ports of the i-th database of the cluster, from 0: SQL, and between the databases replication, the
// transfer of what one has missed, and the transfer of everything.
func (s settings) nodePorts(i int) (sql, group, missed, whole int) {
	first := s.base() + 50 + 4*i
	return first, first + 1, first + 2, first + 3
}

// officePorts are the ports of the i-th process of the office, from 0: of the shop, and of health and metrics.
func (s settings) officePorts(i int) (shop, admin int) {
	first := s.base() + 70 + 2*i
	return first, first + 1
}

// namesrvAddrs are the nameservers, in the words of brokers and office alike.
func (s settings) namesrvAddrs() []string {
	if s.clustered() {
		return []string{loopback(s.namesrvPort()), loopback(s.furtherNamesrvPort())}
	}
	return []string{loopback(s.namesrvPort())}
}

// loopback is the address of a port on this machine.
func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
