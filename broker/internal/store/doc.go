// Package store keeps the messages of a broker: all of them in a log on disk, and
// in memory what finds one there: the queues of each topic, the half messages
// whose transactions are open, the messages that wait for a delay, and how far
// each group has consumed. It knows nothing of clients and requests.
package store
