package world

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is a kind of what can go wrong.
type Fault string

// The kinds of faults: of the queue, of the databases, of the processes, and of the payment provider.
const (
	halfRefused       Fault = "half-refused"        // the broker does not take a half message
	halfUnanswered    Fault = "half-unanswered"     // it takes it, and its answer is lost
	halfTwice         Fault = "half-twice"          // two masters have taken it: the answer of one came late or never
	endLost           Fault = "end-lost"            // commit or rollback never arrives
	endLate           Fault = "end-late"            // it arrives after check-backs
	CheckEarly        Fault = "check-early"         // the check-back comes before the local transaction
	checkUnanswered   Fault = "check-unanswered"    // the answer to a check-back is lost
	halfDiscarded     Fault = "half-discarded"      // the broker has counted check-backs that nobody got, and gives it up
	checkRepeated     Fault = "check-repeated"      // the same check-back comes twice
	sendRefused       Fault = "send-refused"        // the broker does not take a message
	sendUnanswered    Fault = "send-unanswered"     // it takes it, and its answer is lost
	deliveredTwice    Fault = "delivered-twice"     // a message comes again, soon or within an hour
	deliveredAtOnce   Fault = "delivered-at-once"   // two members of a group get a message at the same time
	deliveredLate     Fault = "delivered-late"      // after those that were sent later
	BrokerAway        Fault = "broker-away"         // for minutes
	ReadFails         Fault = "read-fails"          // a query outside of a transaction
	StatementFails    Fault = "statement-fails"     // a statement of a transaction
	CommitFails       Fault = "commit-fails"        // the COMMIT is sent, does not happen, and is not answered
	CommitDoubtful    Fault = "commit-doubtful"     // the COMMIT happens, and is not answered
	DatabaseAway      Fault = "database-away"       // for minutes, up to longer than all check-backs
	Crash             Fault = "crash"               // a process dies at any statement, message or call, before or after it
	Restart           Fault = "restart"             // a process is stopped and started
	Restored          Fault = "restored"            // the office starts from an older backup of its databases, with an empty queue
	ClockStep         Fault = "clock-step"          // a machine's clock is set forward or back, and right again after up to two hours
	ClockUnread       Fault = "clock-unread"        // a process cannot ask the database about it for up to twenty minutes
	ClocksApart       Fault = "clocks-apart"        // the clocks of the machines are minutes apart all the time
	DatabaseClockStep Fault = "database-clock-step" // that of the order database, by which all go, is set
	ProviderAway      Fault = "provider-away"       // for minutes
	callUnanswered    Fault = "call-unanswered"     // a call of the provider is carried out, and its answer is lost
	refundFails       Fault = "refund-fails"        // for good, at once or after it was on its way: a person has it sent again
	CallbackLost      Fault = "callback-lost"       // of a payment that the office has started
	CallbackTwice     Fault = "callback-twice"      // up to four times
	CallbackLate      Fault = "callback-late"       // up to an hour
	CallbackForged    Fault = "callback-forged"     // not signed by the provider
	WrongAmount       Fault = "wrong-amount"        // the payer has paid something else
	PaidTwice         Fault = "paid-twice"          // the payer has paid two times
)

// What can be away: the databases of an office, the queue and the provider.
const (
	StockBase    = "stock"
	OrderBase    = "order"
	TicketsBase  = "tickets"
	BrokerPart   = "broker"
	ProviderPart = "provider"
)

// rates are how often of a thousand opportunities a fault is injected. Those with 0 are acts of the plan.
func rates() map[Fault]int {
	return map[Fault]int{
		halfRefused: 40, halfUnanswered: 40, halfTwice: 60, endLost: 100, endLate: 80,
		CheckEarly: 60, checkUnanswered: 150, checkRepeated: 60, halfDiscarded: 100,
		sendRefused: 15, sendUnanswered: 15, deliveredTwice: 150, deliveredAtOnce: 80, deliveredLate: 80, BrokerAway: 0,
		ReadFails: 2, StatementFails: 3, CommitFails: 8, CommitDoubtful: 8, DatabaseAway: 0,
		Crash: 1, Restart: 0, Restored: 0, ClockStep: 0, ClockUnread: 200, ClocksApart: 0, DatabaseClockStep: 0,
		ProviderAway: 0, callUnanswered: 60, refundFails: 150, CallbackLost: 250, CallbackTwice: 200, CallbackLate: 150, CallbackForged: 50,
		WrongAmount: 40, PaidTwice: 60,
	}
}

func (f Fault) perMille() int { return rates()[f] }

// Kinds are all faults in the order of their names.
func Kinds() []Fault {
	var all []Fault
	for f := range rates() {
		all = append(all, f)
	}
	slices.Sort(all)
	return all
}

// ParseFaults reads a list of kinds with commas between them.
func ParseFaults(list string) (map[Fault]bool, error) {
	found := map[Fault]bool{}
	for name := range strings.SplitSeq(list, ",") {
		if name == "" {
			continue
		}
		if !slices.Contains(Kinds(), Fault(name)) {
			return nil, fmt.Errorf("there is no fault %q; there are %v", name, Kinds())
		}
		found[Fault(name)] = true
	}
	return found, nil
}

// IOError is what a process gets of a part that does not answer. It is a network error to whoever asks.
type IOError struct{ What string }

func (e IOError) Error() string { return e.What }

// Timeout is that of a network error.
func (e IOError) Timeout() bool { return true }

// Temporary is that of a network error.
func (e IOError) Temporary() bool { return true }
