package simulator

import (
	"errors"
	"flag"
	"fmt"
	"time"
)

const (
	maxDelayLimit    = time.Minute
	autoPayLimit     = time.Hour
	defaultMaxDelay  = time.Second
	defaultAutoPayIn = time.Second
	defaultCopies    = 3
	copiesLimit      = 100
)

// Faults says how badly the provider behaves. Each share is a probability of 0 to 1, drawn for each thing by itself.
type Faults struct {
	AutoPay       float64       // of attempts that pay by themselves, soon after they were started
	OddPay        float64       // of those: they pay twice, late, by a bank that takes its time, a wrong amount or in another currency
	AutoPayWithin time.Duration // the longest pause before such a payment; 0 stands for one second
	LateWithin    time.Duration // the longest pause before the money of a late one; 0 stands for MaxDelay

	Early      float64 // of attempts that pay by themselves: the callback arrives before the start was answered
	Lost       float64 // of events that are never sent, if the office can learn of them by asking
	Duplicate  float64 // of events that are sent more than once
	Copies     int     // most of such an event beside it; 0 stands for three
	Delay      float64 // of events that are sent late
	Reorder    float64 // of events that are sent after a later one of the same attempt
	Forged     float64 // of events besides which a forged one is sent, which nobody may take
	SlowAnswer float64 // of API calls that are answered late
	Away       float64 // of API calls that get 503 or no answer, before or after they have acted

	RefundPending    float64 // of refunds that are pending first, and settled later
	RefundFails      float64 // of refunds that fail for good
	RefundUnanswered float64 // of refunds that are carried out and whose first call gets no answer
	RefundRefuses    float64 // of refunds that are carried out without an answer, and then refused for a while, as is who asks for them
	RefundForgets    float64 // of refunds that each further call carries out again: no provider may, so that a check for doubles can be seen to fail

	MaxDelay time.Duration // the longest of all those pauses; 0 stands for one second
}

// None is a provider that behaves.
func None() Faults { return Faults{} }

// Hostile is a provider that does everything that providers do, often. Nobody pays by himself.
func Hostile() Faults {
	return Faults{
		OddPay: 0.2, Early: 0.3, Lost: 0.2, Duplicate: 0.3, Delay: 0.3, Reorder: 0.3, Forged: 0.3, SlowAnswer: 0.2, Away: 0.2,
		RefundPending: 0.4, RefundFails: 0.05, RefundUnanswered: 0.3, RefundRefuses: 0.1, MaxDelay: 2 * time.Second,
	}
}

// DefineFlags adds a flag for each fault, and -faults for a preset, which the flags after it change. The returned
// faults are set once the flags are parsed; New checks them.
func DefineFlags(flags *flag.FlagSet) *Faults {
	f := &Faults{}
	flags.Func("faults", "preset of faults, `none or hostile`; give it before the flags that change it", func(name string) error {
		switch name {
		case "none":
			*f = None()
		case "hostile":
			*f = Hostile()
		default:
			return errors.New("want none or hostile")
		}
		return nil
	})
	for _, share := range f.shares() {
		flags.Float64Var(share.value, share.name, 0, "`share` "+share.of)
	}
	flags.DurationVar(&f.AutoPayWithin, "autopay-within", defaultAutoPayIn, "longest `pause` before an automatic payment")
	flags.IntVar(&f.Copies, "fault-copies", defaultCopies, "most `copies` of an event that is sent more than once")
	flags.DurationVar(&f.LateWithin, "autopay-late-within", 0, "longest `pause` before the money of a late payment (0: as fault-max-delay)")
	flags.DurationVar(&f.MaxDelay, "fault-max-delay", defaultMaxDelay, "longest `pause` that a fault makes")
	return f
}

// share is one probability under its name on the command line.
type share struct {
	name, of string
	value    *float64
}

func (f *Faults) shares() []share {
	return []share{
		{"autopay", "of attempts that pay by themselves", &f.AutoPay},
		{"autopay-odd", "of automatic payments that are double, late, or of a wrong amount or currency", &f.OddPay},
		{"fault-early", "of automatic payments that are told before the start is answered", &f.Early},
		{"fault-lost", "of events that are never sent", &f.Lost},
		{"fault-duplicate", "of events that are sent more than once", &f.Duplicate},
		{"fault-delay", "of events that are sent late", &f.Delay},
		{"fault-reorder", "of events that are sent after a later one", &f.Reorder},
		{"fault-forged", "of events besides which a forged one is sent", &f.Forged},
		{"fault-slow-answer", "of API calls that are answered late", &f.SlowAnswer},
		{"fault-away", "of API calls that get 503 or no answer", &f.Away},
		{"fault-refund-pending", "of refunds that are pending first", &f.RefundPending},
		{"fault-refund-fails", "of refunds that fail for good", &f.RefundFails},
		{"fault-refund-unanswered", "of refunds that are carried out without an answer", &f.RefundUnanswered},
		{"fault-refund-refuses", "of refunds that are carried out without an answer, and then refused for a while", &f.RefundRefuses},
		{"fault-refund-forgets", "of refunds that are carried out again by each call", &f.RefundForgets},
	}
}

// check says which value cannot be.
func (f Faults) check() error {
	for _, share := range f.shares() {
		if !(*share.value >= 0 && *share.value <= 1) { // nor NaN
			return fmt.Errorf("%s is %v, not 0 to 1", share.name, *share.value)
		}
	}
	if f.MaxDelay < 0 || f.MaxDelay > maxDelayLimit {
		return fmt.Errorf("fault-max-delay is %v, not 0 to %v", f.MaxDelay, maxDelayLimit)
	}
	if f.AutoPayWithin < 0 || f.AutoPayWithin > autoPayLimit {
		return fmt.Errorf("autopay-within is %v, not 0 to %v", f.AutoPayWithin, autoPayLimit)
	}
	if f.Copies < 0 || f.Copies > copiesLimit {
		return fmt.Errorf("fault-copies is %d, not 0 to %d", f.Copies, copiesLimit)
	}
	if f.LateWithin < 0 || f.LateWithin > autoPayLimit {
		return fmt.Errorf("autopay-late-within is %v, not 0 to %v", f.LateWithin, autoPayLimit)
	}
	return nil
}

// withDefaults fills in the pauses that are not given.
func (f Faults) withDefaults() Faults {
	if f.MaxDelay == 0 {
		f.MaxDelay = defaultMaxDelay
	}
	if f.AutoPayWithin == 0 {
		f.AutoPayWithin = defaultAutoPayIn
	}
	if f.Copies == 0 {
		f.Copies = defaultCopies
	}
	if f.LateWithin == 0 {
		f.LateWithin = f.MaxDelay
	}
	return f
}
