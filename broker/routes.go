package broker

import "boxoffice/broker/internal/transport"

// routeBroker is this broker, as the nameserver tells of it.
type routeBroker struct {
	Cluster string            `json:"cluster"`
	Broker  string            `json:"brokerName"`
	Addrs   map[string]string `json:"brokerAddrs"`
	Acting  bool              `json:"enableActingMaster"`
}

// routeFor says where this broker is, as the caller can reach it.
func (b *Broker) routeFor(c *transport.Call) routeBroker {
	addr := b.host.String()
	if b.anyAddress && c.Conn.Local.IsValid() {
		addr = c.Conn.Local.String()
	}
	return routeBroker{Cluster: clusterName, Broker: brokerName, Addrs: map[string]string{"0": addr}}
}
