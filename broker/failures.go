package broker

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"boxoffice/broker/internal/commitlog"
)

// reportPause is how often the failure of a task is logged that goes on failing.
const reportPause = time.Minute

// failures logs what fails that no client waits for: a task that goes on failing
// once a minute.
type failures struct {
	log *slog.Logger

	mu     sync.Mutex
	logged map[string]time.Time // when each task that fails was logged last
}

// note tells by begins whether a failure is to be logged now, and by ends whether a task that failed before is over it.
func (f *failures) note(what string, err error, now time.Time) (begins, ends bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, failing := f.logged[what]
	if err == nil {
		delete(f.logged, what)
		return false, failing
	}
	if failing && now.Sub(last) < reportPause {
		return false, false
	}
	if f.logged == nil {
		f.logged = make(map[string]time.Time)
	}
	f.logged[what] = now
	return true, false
}

// report logs the failure of a task, once a minute while it lasts, and that it is over.
func (f *failures) report(what string, err error) {
	if errors.Is(err, commitlog.ErrClosed) {
		return
	}
	switch begins, ends := f.note(what, err, time.Now()); {
	case begins:
		f.log.Error("a task of the broker failed", "task", what, "error", err)
	case ends:
		f.log.Info("a task of the broker works again", "task", what)
	}
}

// reportEach logs the failure of something for one message.
func (f *failures) reportEach(what string, err error) {
	if err != nil && !errors.Is(err, commitlog.ErrClosed) {
		f.log.Error("a task of the broker failed", "task", what, "error", err)
	}
}
