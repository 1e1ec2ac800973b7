package live

import "sync"

// decided are watched orders that this process has just decided. They are looked at before their turn, in the same way, so
// that a buyer does not wait for the look at all orders. Of what other processes decide nothing is known here before that.
type decided struct {
	mu    sync.Mutex
	ids   []string
	ready chan struct{} // has a value while there are ids
}

func newDecided() *decided { return &decided{ready: make(chan struct{}, 1)} }

func (d *decided) add(ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids = append(d.ids, ids...)
	select {
	case d.ready <- struct{}{}:
	default: // it has one
	}
}

func (d *decided) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := d.ids
	d.ids = nil
	return ids
}
