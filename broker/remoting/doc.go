// Package remoting reads and writes the RocketMQ remoting protocol, for both ends
// of a connection: NewRequest, Frame.Reply and AppendFrame make frames (remoting
// commands), and a Reader reads them. It also knows the request and response
// codes, the layout in which messages are stored and delivered, message properties
// and offset message ids. It opens no connection and keeps no state but a Reader's
// buffer.
//
// Sources: Apache RocketMQ 5.3.3 (remoting/protocol, common/message,
// store/MessageExtEncoder) and rocketmq-client-go v2.1.2 (internal/remote,
// primitive). All integers on the wire are big endian.
package remoting
