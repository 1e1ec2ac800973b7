package broker

import "time"

// Clock is where the broker's time comes from.
type Clock interface{ Now() time.Time }

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }
