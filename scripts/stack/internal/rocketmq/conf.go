package rocketmq

import (
	"fmt"
	"strings"
	"time"

	"boxoffice/scripts/stack/internal/settings"
)

const clusterName = "boxoffice"

func namesrvConf(port int, dir string) string {
	return fmt.Sprintf("bindAddress=127.0.0.1\nlistenPort=%d\nkvConfigPath=%s/kvConfig.json\n", port, dir)
}

// brokerConf is what differs between two brokers.
type brokerConf struct {
	name          string
	port          int
	namesrv       string
	bind          string // empty: loopback
	store         string // directory
	checkInterval time.Duration
	checkTimeout  time.Duration
	checkMax      int
	replica       replica
}

// sharing is c with what all brokers of a stack have in common.
func (c brokerConf) sharing(s settings.Settings) brokerConf {
	c.namesrv = strings.Join(s.NamesrvAddrs(), ";")
	c.checkInterval, c.checkTimeout, c.checkMax = s.CheckInterval, s.CheckTimeout, s.CheckMax
	return c
}

// ContainerConf is the configuration of the one broker of docker/compose.yaml: it is reached at its published port, so it
// calls itself by the loopback address and listens on all.
func ContainerConf(s settings.Settings) string {
	c := brokerConf{name: "broker-a", bind: "0.0.0.0", port: s.BrokerPort(0), store: "/home/rocketmq"}.sharing(s)
	c.namesrv = "namesrv:9876"
	return c.render()
}

// replica says whether a broker has a copy, or is one.
type replica int

const (
	alone replica = iota
	copied
	copyOfMaster
)

// role is the part of a broker's configuration that says who copies whom. A master with a copy acknowledges what two
// disks have: inSyncReplicas of 1, RocketMQ's default, would make SYNC_MASTER acknowledge alone. Its copy has half a
// second for that, less than a half message has (mq.HalfTimeout): the refusal of a master whose copy is gone comes in
// time for another try at the other master.
func (r replica) role() string {
	switch r {
	case copied:
		return "brokerId=0\nbrokerRole=SYNC_MASTER\ninSyncReplicas=2\nslaveTimeout=500\n"
	case copyOfMaster:
		return "brokerId=1\nbrokerRole=SLAVE\n"
	}
	return "brokerId=0\nbrokerRole=ASYNC_MASTER\n"
}

// render writes broker.conf. Keys are the fields of BrokerConfig,
// MessageStoreConfig and NettyServerConfig of RocketMQ 5.3.3. The store files
// are small so that the stack fits on a laptop; the app creates its topics.
// bindAddress does not reach the replication port (listenPort+1), for which
// DefaultHAService has no address to set: that one port is open on all
// interfaces of the machine.
func (c brokerConf) render() string {
	if c.bind == "" {
		c.bind = "127.0.0.1"
	}
	return fmt.Sprintf(`brokerClusterName=%s
brokerName=%s
%sbrokerIP1=127.0.0.1
brokerIP2=127.0.0.1
bindAddress=%s
listenPort=%d
namesrvAddr=%s
registerNameServerPeriod=10000

flushDiskType=SYNC_FLUSH
storePathRootDir=%s/store
mappedFileSizeCommitLog=67108864
mappedFileSizeConsumeQueue=600000
mappedFileSizeTimerLog=16777216
maxHashSlotNum=100000
maxIndexNum=400000
fileReservedTime=72

# On a disk 85 percent full the broker would delete unread messages. Above 90 percent
# it refuses to write; DefaultMessageStore lets no setting raise that.
diskMaxUsedSpaceRatio=95
cleanFileForciblyEnable=false

autoCreateTopicEnable=false
autoCreateSubscriptionGroup=true
enableScheduleAsyncDeliver=true

transactionCheckInterval=%d
transactionTimeOut=%d
transactionCheckMax=%d

# The end of a transaction is kept in memory for this long. A half message that
# is checked earlier than that would be checked although it is committed.
transactionOpBatchInterval=%d

# A machine that also runs the tests stalls for longer than the default 200 ms.
waitTimeMillsInSendQueue=3000
`, clusterName, c.name, c.replica.role(), c.bind, c.port, c.namesrv, c.store,
		c.checkInterval.Milliseconds(), c.checkTimeout.Milliseconds(), c.checkMax,
		min(3*time.Second, c.checkTimeout/4).Milliseconds())
}
