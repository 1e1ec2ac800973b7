package mq

import "sync/atomic"

// Stats counts what went through a Bus since Open.
type Stats struct {
	Sent             int64 // plain and delayed messages that the broker stored
	SendFailed       int64 // plain and delayed messages given up
	HalvesSent       int64 // half messages whose local transaction ran
	HalvesFailed     int64 // half messages whose local transaction did not run
	HalvesElsewhere  int64 // times that a half message went to another master, after one that had refused or was silent
	Handled          int64 // deliveries that a handler accepted
	Retried          int64 // deliveries to be tried again
	DeadLettered     int64 // deliveries that went to the dead letters
	ChecksCommitted  int64 // check-backs answered Commit
	ChecksRolledBack int64 // check-backs answered Rollback
	ChecksUnknown    int64 // check-backs answered Unknown
}

type counters struct {
	sent, sendFailed, halvesSent, halvesFailed       atomic.Int64
	halvesElsewhere                                  atomic.Int64
	handled, retried, deadLettered                   atomic.Int64
	checksCommitted, checksRolledBack, checksUnknown atomic.Int64
}

// read loads the counters, each on its own.
func (c *counters) read() Stats {
	return Stats{
		Sent: c.sent.Load(), SendFailed: c.sendFailed.Load(),
		HalvesSent: c.halvesSent.Load(), HalvesFailed: c.halvesFailed.Load(),
		HalvesElsewhere: c.halvesElsewhere.Load(),
		Handled:         c.handled.Load(), Retried: c.retried.Load(), DeadLettered: c.deadLettered.Load(),
		ChecksCommitted: c.checksCommitted.Load(), ChecksRolledBack: c.checksRolledBack.Load(),
		ChecksUnknown: c.checksUnknown.Load(),
	}
}

// countCheck counts the answer to a check-back.
func (c *counters) countCheck(o Outcome) {
	switch o {
	case Commit:
		c.checksCommitted.Add(1)
	case Rollback:
		c.checksRolledBack.Add(1)
	default:
		c.checksUnknown.Add(1)
	}
}
