package broker

// defaultMaxReconsume is a group's retryMaxTimes (SubscriptionGroupConfig).
const defaultMaxReconsume = 16

// sendHeader is the header of the three send requests.
type sendHeader struct {
	group        string
	topic        string
	queues       int32 // defaultTopicQueueNums: queues of an auto-created topic
	queueID      int32
	sysFlag      int32
	born         int64
	flag         int32
	properties   string
	reconsumed   int32
	maxReconsume int32
	batch        bool
}

// sendNames are the ext field names of a send request, in sendHeader's order.
type sendNames [11]string

func longSendNames() sendNames {
	return sendNames{"producerGroup", "topic", "defaultTopicQueueNums", "queueId", "sysFlag",
		"bornTimestamp", "flag", "properties", "reconsumeTimes", "maxReconsumeTimes", "batch"}
}

func shortSendNames() sendNames {
	return sendNames{"a", "b", "d", "e", "f", "g", "h", "i", "j", "l", "m"}
}

func parseSend(ext map[string]string, n sendNames) (sendHeader, error) {
	f := &fields{ext: ext}
	h := sendHeader{
		group: f.text(n[0]), topic: f.text(n[1]), queues: f.int32Or(n[2], 4),
		queueID: f.int32(n[3]), sysFlag: f.int32(n[4]), born: f.int64(n[5]), flag: f.int32Or(n[6], 0),
		properties: ext[n[7]], reconsumed: f.int32Or(n[8], 0),
		maxReconsume: f.int32Or(n[9], defaultMaxReconsume), batch: f.boolean(n[10]),
	}
	return h, f.err
}
