package api

import "boxoffice/stock"

// countAnswer is a number of orders, and of tickets in them.
type countAnswer struct {
	Orders  int64 `json:"orders"`
	Tickets int64 `json:"tickets"`
}

func (c *countAnswer) add(n stock.Count) {
	c.Orders += n.Orders
	c.Tickets += n.Tickets
}
