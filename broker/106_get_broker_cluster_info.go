package broker

import "boxoffice/broker/internal/transport"

// GET_BROKER_CLUSTER_INFO (106), the nameserver's request: which brokers there
// are. Administration starts with it.
//
// Source: Apache RocketMQ 5.3.3, DefaultRequestProcessor.getBrokerClusterInfo.
//
// Ext: none.
//
// Answer: 0 with body {brokerAddrTable, clusterAddrTable}, each with the one
// broker of this process.
func (b *Broker) getBrokerClusterInfo(c *transport.Call) error {
	return c.ReplyJSON(clusterBody{
		Brokers:  map[string]routeBroker{brokerName: b.routeFor(c)},
		Clusters: map[string][]string{clusterName: {brokerName}},
	})
}

type clusterBody struct {
	Brokers  map[string]routeBroker `json:"brokerAddrTable"`
	Clusters map[string][]string    `json:"clusterAddrTable"`
}
