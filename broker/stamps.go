package broker

import (
	"strconv"
	"strings"

	"boxoffice/broker/remoting"
)

// What this broker calls itself.
const (
	regionName  = "DefaultRegion"
	clusterName = "DefaultCluster"
	brokerName  = "broker-a"
)

// stamp adds the properties that the broker gives every message.
func stamp(properties string) string {
	if !strings.Contains(properties, remoting.PropertyMsgRegion) && !strings.Contains(properties, remoting.PropertyTraceSwitch) &&
		!strings.Contains(properties, remoting.PropertyCluster) {
		return appendStamp(properties)
	}
	properties = remoting.SetProperty(properties, remoting.PropertyMsgRegion, regionName)
	properties = remoting.SetProperty(properties, remoting.PropertyTraceSwitch, "true")
	return remoting.SetProperty(properties, remoting.PropertyCluster, clusterName)
}

// appendStamp is stamp for properties that have none of the broker's yet: one
// copy instead of three.
func appendStamp(properties string) string {
	if properties != "" && properties[len(properties)-1] != '\x02' {
		properties += "\x02"
	}
	return properties + remoting.PropertyMsgRegion + "\x01" + regionName + "\x02" +
		remoting.PropertyTraceSwitch + "\x01true\x02" + remoting.PropertyCluster + "\x01" + clusterName + "\x02"
}

// stampAnswer adds what every answer to a send carries.
func stampAnswer(f *remoting.Frame) *remoting.Frame {
	f.Ext["MSG_REGION"], f.Ext["TRACE_ON"] = regionName, "true"
	return f
}

// checkedProperties are the properties of a half message after a number of checks.
func checkedProperties(properties string, checks int32) string {
	properties = remoting.SetProperty(properties, remoting.PropertyWaitStoreMsgOK, "false")
	return remoting.SetProperty(properties, remoting.PropertyTransactionCheckTimes, strconv.Itoa(int(checks)))
}
