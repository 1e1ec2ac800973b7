package notify

import "time"

const (
	firstPause = 5 * time.Second // after a try that failed; doubles with each
	lastPause  = time.Hour

	claimLease = time.Minute        // what a worker that died had claimed rests no longer; longer than SendTimeout and the write after it
	writeLimit = 10 * time.Second   // of the row after a try, also while the process stops
	absentFor  = time.Hour          // an order can be on its way so long, and is gone then
	triesLeft  = 5                  // of a message after an outage, whose tries say nothing about it
	giveUp     = 7 * 24 * time.Hour // after which a message is dead that nobody was there to take
	shownFor   = 24 * time.Hour     // after a screening has begun nobody needs its tickets any more

	contactRest = 30 * 24 * time.Hour // after which a contact is forgotten that nothing is known of any more
)

// pauseAfter is the pause before a message is tried again that was tried tries times.
func pauseAfter(tries int) time.Duration { return min(firstPause<<min(tries-1, 12), lastPause) }
