package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"boxoffice/sim/office"
	"boxoffice/sim/world"
)

// shrinkRuns bounds how often a history is played to make it shorter.
const shrinkRuns = 80

// player plays a history.
type player func(context.Context, office.Options) (office.Outcome, error)

// shrink makes a history that breaks a promise shorter: it leaves out acts of the plan, and then kinds of faults, as long as the
// same promise is broken. An act that is left out changes nothing of the dice of the others.
func shrink(ctx context.Context, play player, opts office.Options, found office.Outcome) (office.Options, office.Outcome, error) {
	runs := 0
	try := func(shorter office.Options) (bool, error) {
		runs++
		result, err := play(ctx, shorter)
		if err != nil || result.Promise != found.Promise {
			return false, err
		}
		opts, found = shorter, result
		return true, nil
	}
	opts.Only = actsOf(found.Acts)
	for size := (len(opts.Only) + 1) / 2; size > 0 && runs < shrinkRuns; size /= 2 {
		for _, part := range slices.Collect(slices.Chunk(slices.Sorted(maps.Keys(opts.Only)), size)) {
			shorter := opts
			shorter.Only = maps.Clone(opts.Only)
			for _, n := range part {
				delete(shorter.Only, n)
			}
			if runs == shrinkRuns || len(shorter.Only) == 0 {
				break
			}
			if _, err := try(shorter); err != nil {
				return opts, found, err
			}
		}
	}
	for _, f := range slices.Sorted(maps.Keys(found.Faults)) {
		shorter := opts
		shorter.Without = maps.Clone(opts.Without)
		if shorter.Without == nil {
			shorter.Without = map[world.Fault]bool{}
		}
		shorter.Without[f] = true
		if _, err := try(shorter); err != nil {
			return opts, found, err
		}
	}
	return opts, found, nil
}

func actsOf(list []int) map[int]bool {
	only := map[int]bool{}
	for _, n := range list {
		only[n] = true
	}
	return only
}

// commandOf is what plays a history again.
func commandOf(o office.Options) string {
	text := fmt.Sprintf("go run ./sim -from %d -seeds 1 -hours %d -trace", o.Seed, o.Hours)
	if len(o.Without) > 0 {
		var names []string
		for _, f := range slices.Sorted(maps.Keys(o.Without)) {
			names = append(names, string(f))
		}
		text += " -without " + strings.Join(names, ",")
	}
	if o.Only != nil {
		var acts []string
		for _, n := range slices.Sorted(maps.Keys(o.Only)) {
			acts = append(acts, fmt.Sprint(n))
		}
		text += " -acts " + strings.Join(acts, ",")
	}
	return text
}
