package broker

import "boxoffice/broker/internal/transport"

// SEND_MESSAGE_V2 (310): SEND_MESSAGE with one-letter field names, which Java
// and newer clients use.
//
// Source: Apache RocketMQ 5.3.3, SendMessageProcessor, SendMessageRequestHeaderV2.
//
// Ext: a=producerGroup b=topic c=defaultTopic d=defaultTopicQueueNums e=queueId
// f=sysFlag g=bornTimestamp h=flag i=properties j=reconsumeTimes k=unitMode
// l=maxReconsumeTimes m=batch.
//
// Answer and behaviour: as SEND_MESSAGE.
func (b *Broker) sendMessageV2(c *transport.Call) error { return b.sendOne(c, shortSendNames()) }
