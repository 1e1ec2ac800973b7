package sale

import (
	"testing"
)

// BenchmarkLearnOrders is how a process learns of the orders of a large sale that is over: in one pass of pages, whatever
// their number. Run it once: -benchtime 1x.
func BenchmarkLearnOrders(b *testing.B) {
	const orders = 1_000_000
	s, _ := newStock(b)
	screening := addScreening(b, s, orders, 0)
	fill(b, s, screening.ID, orders)
	for b.Loop() {
		v := newUnstarted(s)
		v.cache.know(screening.ID)
		e := v.cache.entries[screening.ID]
		e.wanted.Store(orders)
		for v.loader.loadPages(b.Context()) {
		}
		stats := v.CacheStats()
		if stats.Orders != orders || stats.Pages > orders/requestsPage+1 {
			b.Fatalf("%+v, want %d orders in one pass", stats, orders)
		}
		b.ReportMetric(float64(stats.Bytes)/orders, "bytes/order")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/orders, "us/order")
}
