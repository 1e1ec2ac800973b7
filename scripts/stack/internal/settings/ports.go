package settings

import (
	"net"
	"strconv"
)

// clusterPorts is where the ports of the cluster begin unless -port-base says otherwise: below those that the system
// gives to connections, one of which may hold a port at the moment in which a part that was killed comes back.
const clusterPorts = 25000

// Of how many the cluster has ports: masters, each with a slave, databases, and processes of the office with one role.
const (
	Masters    = 2
	Nodes      = 3
	OfEachRole = 2
)

// OfficeRoles are the roles of which the cluster has processes of their own.
func OfficeRoles() []string { return []string{"api", "order", "stock"} }

// base is the first port to use; 0 is for the fixed ports of the single profile.
func (s Settings) base() int {
	if s.PortBase == 0 && s.Clustered() {
		return clusterPorts
	}
	return s.PortBase
}

// NamesrvPort is the port of the first or only nameserver.
func (s Settings) NamesrvPort() int {
	if s.base() != 0 {
		return s.base()
	}
	return 19876
}

// DBPort is where clients find the database; in a cluster a proxy is there.
func (s Settings) DBPort() int {
	if s.base() != 0 {
		return s.base() + 1
	}
	return 13306
}

// BrokerPort is the remoting port of the i-th broker, from 0. The broker also
// takes the port 2 below (the fast remoting server) and the one above (HA).
func (s Settings) BrokerPort(i int) int {
	if s.base() != 0 {
		return s.base() + 10*(i+1)
	}
	return 20911 + 1000*i
}

// FurtherNamesrvPort is the port of the cluster's second nameserver.
func (s Settings) FurtherNamesrvPort() int { return s.base() + 2 }

// NodePorts are the ports of the i-th database of the cluster, from 0: SQL, and between the databases replication, the
// transfer of what one has missed, and the transfer of everything.
func (s Settings) NodePorts(i int) (sql, group, missed, whole int) {
	first := s.base() + 50 + 4*i
	return first, first + 1, first + 2, first + 3
}

// OfficePorts are the ports of the i-th process of the office, from 0: of the shop, and of health and metrics.
func (s Settings) OfficePorts(i int) (shop, admin int) {
	first := s.base() + 70 + 2*i
	return first, first + 1
}

// NamesrvAddrs are the nameservers, in the words of brokers and office alike.
func (s Settings) NamesrvAddrs() []string {
	if s.Clustered() {
		return []string{Loopback(s.NamesrvPort()), Loopback(s.FurtherNamesrvPort())}
	}
	return []string{Loopback(s.NamesrvPort())}
}

// Loopback is the address of a port on this machine.
func Loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
