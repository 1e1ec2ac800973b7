// Package remoting reads and writes the RocketMQ remoting protocol: frames
// (remoting commands), the stored and delivered message layout, message
// properties and offset message ids. It has no network and no state.
//
// Sources: Apache RocketMQ 5.3.3 (remoting/protocol, common/message,
// store/MessageExtEncoder) and rocketmq-client-go v2.1.2 (internal/remote,
// primitive). All integers on the wire are big endian.
package remoting
