package remoting

// Request codes that clients and admin tools send (RocketMQ's RequestCode).
const (
	SendMessage                   = 10
	PullMessage                   = 11
	QueryConsumerOffset           = 14
	UpdateConsumerOffset          = 15
	UpdateAndCreateTopic          = 17
	SearchOffsetByTimestamp       = 29
	GetMaxOffset                  = 30
	GetMinOffset                  = 31
	ViewMessageByID               = 33
	HeartBeat                     = 34
	UnregisterClient              = 35
	ConsumerSendMsgBack           = 36
	EndTransaction                = 37
	GetConsumerListByGroup        = 38
	LockBatchMQ                   = 41
	UnlockBatchMQ                 = 42
	GetRouteInfoByTopic           = 105
	GetBrokerClusterInfo          = 106
	GetAllTopicListFromNameServer = 206
	SendMessageV2                 = 310
	SendBatchMessage              = 320
)

// Request codes that the broker sends to clients (RequestCode).
const (
	CheckTransactionState    = 39
	NotifyConsumerIDsChanged = 40
)

// Response codes (RocketMQ's RemotingSysResponseCode and ResponseCode).
const (
	Success                 = 0
	SystemError             = 1
	SystemBusy              = 2
	RequestCodeNotSupported = 3
	FlushDiskTimeout        = 10
	MessageIllegal          = 13
	ServiceNotAvailable     = 14
	NoPermission            = 16
	TopicNotExist           = 17
	PullNotFound            = 19
	PullRetryImmediately    = 20
	PullOffsetMoved         = 21
	QueryNotFound           = 22
	SubscriptionNotExist    = 24
	SubscriptionNotLatest   = 25
	InvalidParameter        = 29
)

// Bits of a message's sysFlag (RocketMQ's MessageSysFlag). The two transaction
// bits are one value: sysFlag&SysFlagTransactionMask.
const (
	SysFlagCompressed      = 0x1
	SysFlagMultiTags       = 0x2
	SysFlagTransactionMask = 0xC
	SysFlagPrepared        = 0x4
	SysFlagCommit          = 0x8
	SysFlagRollback        = 0xC
	SysFlagBornHostV6      = 0x10
	SysFlagStoreHostV6     = 0x20
)

// Bits of a pull request's sysFlag (RocketMQ's PullSysFlag).
const (
	PullSysFlagCommitOffset = 0x1
	PullSysFlagSuspend      = 0x2
	PullSysFlagSubscription = 0x4
	PullSysFlagClassFilter  = 0x8
)

// Names of message properties (RocketMQ's MessageConst).
const (
	PropertyKeys                       = "KEYS"
	PropertyTags                       = "TAGS"
	PropertyWaitStoreMsgOK             = "WAIT"
	PropertyDelayTimeLevel             = "DELAY"
	PropertyRetryTopic                 = "RETRY_TOPIC"
	PropertyRealTopic                  = "REAL_TOPIC"
	PropertyRealQueueID                = "REAL_QID"
	PropertyTransactionPrepared        = "TRAN_MSG"
	PropertyProducerGroup              = "PGROUP"
	PropertyOriginMessageID            = "ORIGIN_MESSAGE_ID"
	PropertyMsgRegion                  = "MSG_REGION"
	PropertyTraceSwitch                = "TRACE_ON"
	PropertyUniqueKey                  = "UNIQ_KEY"
	PropertyTransactionCheckTimes      = "TRANSACTION_CHECK_TIMES"
	PropertyCheckImmunityTimeInSeconds = "CHECK_IMMUNITY_TIME_IN_SECONDS"
	PropertyTransactionID              = "__transactionId__"
	PropertyCluster                    = "CLUSTER"
)
