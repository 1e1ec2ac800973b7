package broker

import "boxoffice/broker/remoting"

// Request codes of RocketMQ, for Intercept.
const (
	SendMessage            = remoting.SendMessage
	PullMessage            = remoting.PullMessage
	QueryConsumerOffset    = remoting.QueryConsumerOffset
	UpdateConsumerOffset   = remoting.UpdateConsumerOffset
	UpdateAndCreateTopic   = remoting.UpdateAndCreateTopic
	GetMaxOffset           = remoting.GetMaxOffset
	GetMinOffset           = remoting.GetMinOffset
	HeartBeat              = remoting.HeartBeat
	UnregisterClient       = remoting.UnregisterClient
	ConsumerSendMsgBack    = remoting.ConsumerSendMsgBack
	EndTransaction         = remoting.EndTransaction
	CheckTransactionState  = remoting.CheckTransactionState // from broker to producer
	GetConsumerListByGroup = remoting.GetConsumerListByGroup
	LockBatchMQ            = remoting.LockBatchMQ
	UnlockBatchMQ          = remoting.UnlockBatchMQ
	GetRouteInfoByTopic    = remoting.GetRouteInfoByTopic
	GetBrokerClusterInfo   = remoting.GetBrokerClusterInfo
	SendMessageV2          = remoting.SendMessageV2
	SendBatchMessage       = remoting.SendBatchMessage
)

// Response codes of RocketMQ, for Fail.
const (
	SystemError         = remoting.SystemError
	SystemBusy          = remoting.SystemBusy
	FlushDiskTimeout    = remoting.FlushDiskTimeout
	MessageIllegal      = remoting.MessageIllegal
	ServiceNotAvailable = remoting.ServiceNotAvailable
	NoPermission        = remoting.NoPermission
	TopicNotExist       = remoting.TopicNotExist
)
