// Package failpoint names the steps between a half message and the settlement, refund and ticket, so that scripts/drill can kill
// the process at each of them, and cut its connections to a database at each statement. In a normal build it is empty functions,
// which the compiler takes away: only a program that is built with the tag failpoints can be told to die.
package failpoint

// DirVariable is the environment variable of the directory in which a drill and a process meet: the file armed says what happens
// next, and whoever removes it does it; the file seen lists the statements that have run.
const DirVariable = "BOXOFFICE_TEST_FAILPOINTS"

// Point is a step at which the process may die.
type Point struct {
	Name string // as Hit has it
	Is   string // what has happened by then, and what has not
}

// Points lists every step that calls Hit, in the order of a purchase.
func Points() []Point {
	return []Point{
		{"purchase.planned", "the list is planned; no half message"},
		{"half.stored", "the half message is stored; the local transaction is open"},
		{"reserve.before-commit", "the local transaction is written; its COMMIT is not sent"},
		{"reserve.committed", "the tickets are reserved; the outcome is on nobody's way"},
		{"half.before-outcome", "commit or rollback is decided; it is not sent"},
		{"half.outcome-sent", "commit or rollback is sent"},
		{"purchase.before-answer", "the purchase is decided; its buyer is not answered"},
		{"check.asked", "the broker asks what became of a half message"},
		{"check.decided", "the fence says it; it is not answered"},
		{"order.reserved-came", "stock-reserved is delivered; nothing is written"},
		{"order.before-create", "the orders are written; their COMMIT is not sent"},
		{"order.created", "the orders are there; payment-due is not sent"},
		{"order.due-sent", "payment-due is stored; stock-reserved is not acknowledged"},
		{"order.due-came", "payment-due is delivered"},
		{"order.before-change", "a cancellation or other change is written; its COMMIT is not sent"},
		{"order.changed", "a cancellation or other change is there; nobody is told"},
		{"attempt.recorded", "a try to pay is recorded; its provider does not know"},
		{"callback.verified", "a payment is verified; nothing is written"},
		{"payment.before-commit", "a payment is written; its COMMIT is not sent"},
		{"payment.recorded", "a payment is recorded; its provider is not answered"},
		{"settled.unsent", "the order is final; order-settled is not sent"},
		{"settled.sent", "order-settled is stored; its sender does not know"},
		{"settle.before-commit", "a settlement is written; its COMMIT is not sent"},
		{"settle.committed", "tickets are sold, or for sale again; order-settled is not acknowledged"},
		{"sweep.claimed", "the sweeper has claimed reservations; nothing is published"},
		{"sweep.published", "the sweeper has published them; their next sweep is not set"},
		{"revive.taken", "tickets are taken again for late money; the order is not told"},
		{"refund.due", "the office has cancelled a paid order; its tickets are not returned"},
		{"refund.claimed", "a worker has claimed a refund; its provider does not know"},
		{"refund.sent", "the provider has the refund; the row does not say so"},
		{"refund.recorded", "the row says so; nobody is told"},
		{"tickets.before-commit", "tickets are written; their COMMIT is not sent"},
		{"tickets.issued", "tickets are issued; order-settled is not acknowledged"},
		{"mail.before-commit", "what is to be told is written; its COMMIT is not sent"},
		{"mail.noted", "what is to be told is noted; its message is not acknowledged"},
		{"mail.claimed", "a worker has claimed a message to a buyer; it is not sent"},
		{"mail.sent", "a message to a buyer is sent; its row does not say so"},
	}
}
