package stock

import "boxoffice/common/event"

// publishOrders is how many orders a message has that is published again.
const publishOrders = 256

// asItStands publishes a reservation by its state.
func asItStands(reserved *event.Reserved, r Reservation) {
	switch {
	case r.State == Held && r.LatePayment == event.LateRevived:
		reserved.Revived = append(reserved.Revived, r.Order)
	case r.State == Held:
		reserved.Orders = append(reserved.Orders, r.Order)
	case r.State == Released:
		reserved.Released = append(reserved.Released, r.Order)
	case r.State == Sold:
		reserved.Sold = append(reserved.Sold, r.Order)
	}
}
