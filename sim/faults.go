package main

import (
	"fmt"
	"slices"
	"strings"
)

// fault is a kind of what can go wrong.
type fault string

// The kinds of faults: of the queue, of the databases, of the processes, and of the payment provider.
const (
	halfRefused       fault = "half-refused"        // the broker does not take a half message
	halfUnanswered    fault = "half-unanswered"     // it takes it, and its answer is lost
	endLost           fault = "end-lost"            // commit or rollback never arrives
	endLate           fault = "end-late"            // it arrives after check-backs
	checkEarly        fault = "check-early"         // the check-back comes before the local transaction
	checkUnanswered   fault = "check-unanswered"    // the answer to a check-back is lost
	halfDiscarded     fault = "half-discarded"      // the broker has counted check-backs that nobody got, and gives it up
	checkRepeated     fault = "check-repeated"      // the same check-back comes twice
	sendRefused       fault = "send-refused"        // the broker does not take a message
	sendUnanswered    fault = "send-unanswered"     // it takes it, and its answer is lost
	deliveredTwice    fault = "delivered-twice"     // a message comes again, soon or within an hour
	deliveredAtOnce   fault = "delivered-at-once"   // two members of a group get a message at the same time
	deliveredLate     fault = "delivered-late"      // after those that were sent later
	brokerAway        fault = "broker-away"         // for minutes
	readFails         fault = "read-fails"          // a query outside of a transaction
	statementFails    fault = "statement-fails"     // a statement of a transaction
	commitFails       fault = "commit-fails"        // the COMMIT is sent, does not happen, and is not answered
	commitDoubtful    fault = "commit-doubtful"     // the COMMIT happens, and is not answered
	databaseAway      fault = "database-away"       // for minutes, up to longer than all check-backs
	crash             fault = "crash"               // a process dies at any statement, message or call, before or after it
	restart           fault = "restart"             // a process is stopped and started
	clockStep         fault = "clock-step"          // a machine's clock is set forward or back, and right again after up to two hours
	clockUnread       fault = "clock-unread"        // a process cannot ask the database about it for up to twenty minutes
	clocksApart       fault = "clocks-apart"        // the clocks of the machines are minutes apart all the time
	databaseClockStep fault = "database-clock-step" // that of the order database, by which all go, is set
	providerAway      fault = "provider-away"       // for minutes
	callUnanswered    fault = "call-unanswered"     // a call of the provider is carried out, and its answer is lost
	callbackLost      fault = "callback-lost"       // of a payment that the office has started
	callbackTwice     fault = "callback-twice"      // up to four times
	callbackLate      fault = "callback-late"       // up to an hour
	callbackForged    fault = "callback-forged"     // not signed by the provider
	wrongAmount       fault = "wrong-amount"        // the payer has paid something else
	paidTwice         fault = "paid-twice"          // the payer has paid two times
)

// The databases of an office, which can be away, as the broker and the provider can.
const (
	stockBase   = "stock"
	orderBase   = "order"
	ticketsBase = "tickets"
)

// rates are how often of a thousand opportunities a fault is injected. Those with 0 are acts of the plan.
func rates() map[fault]int {
	return map[fault]int{
		halfRefused: 40, halfUnanswered: 40, endLost: 100, endLate: 80, checkEarly: 60, checkUnanswered: 150, checkRepeated: 60, halfDiscarded: 100,
		sendRefused: 15, sendUnanswered: 15, deliveredTwice: 150, deliveredAtOnce: 80, deliveredLate: 80, brokerAway: 0,
		readFails: 2, statementFails: 3, commitFails: 8, commitDoubtful: 8, databaseAway: 0,
		crash: 1, restart: 0, clockStep: 0, clockUnread: 200, clocksApart: 0, databaseClockStep: 0,
		providerAway: 0, callUnanswered: 60, callbackLost: 250, callbackTwice: 200, callbackLate: 150, callbackForged: 50,
		wrongAmount: 40, paidTwice: 60,
	}
}

func (f fault) perMille() int { return rates()[f] }

// kinds are all faults in the order of their names.
func kinds() []fault {
	var all []fault
	for f := range rates() {
		all = append(all, f)
	}
	slices.Sort(all)
	return all
}

// parseFaults reads a list of kinds with commas between them.
func parseFaults(list string) (map[fault]bool, error) {
	found := map[fault]bool{}
	for name := range strings.SplitSeq(list, ",") {
		if name == "" {
			continue
		}
		if !slices.Contains(kinds(), fault(name)) {
			return nil, fmt.Errorf("there is no fault %q; there are %v", name, kinds())
		}
		found[fault(name)] = true
	}
	return found, nil
}

// ioError is what a process gets of a part that does not answer. It is a network error to whoever asks.
type ioError struct{ what string }

func (e ioError) Error() string   { return e.what }
func (e ioError) Timeout() bool   { return true }
func (e ioError) Temporary() bool { return true }
