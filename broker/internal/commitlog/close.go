package commitlog

import "errors"

// Close makes everything that was appended durable and releases the directory.
// It blocks until that is done, may be called again, and returns the log's
// failure if it has one.
func (l *Log) Close() error {
	l.closeOnce.Do(func() {
		// 1. Refuse appends, also those that wait for space.
		l.mu.Lock()
		l.closing = true
		close(l.stop)
		l.work.Signal()
		l.space.Broadcast()
		l.mu.Unlock()
		// 2. Let the flusher finish what is there.
		<-l.flushed
		// 3. Wait for a running deletion, close the files, release the directory.
		l.deleting.Lock()
		defer l.deleting.Unlock()
		if l.failure == nil && l.durable == l.end {
			l.noteDurable()
		}
		l.closeErr = errors.Join(l.failure, l.closeFiles())
	})
	return l.closeErr
}
