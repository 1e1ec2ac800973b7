// Package mq gives the services what they need of RocketMQ: typed topics, transactional, plain and delayed sends,
// consumers, and a look into the brokers' queues. It alone imports rocketmq-client-go, and deals with every trap of
// v2.1.2 in one place; what that client cannot ask, it asks over the remoting protocol itself.
package mq
