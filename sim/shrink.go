package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"boxoffice/sim/world"
)

// shrinkRuns bounds how often a history is played to make it shorter.
const shrinkRuns = 80

// player plays a history.
type player func(context.Context, options) (outcome, error)

// shrink makes a history that breaks a promise shorter: it leaves out acts of the plan, and then kinds of faults, as long as the
// same promise is broken. An act that is left out changes nothing of the dice of the others.
func shrink(ctx context.Context, play player, opts options, found outcome) (options, outcome, error) {
	runs := 0
	try := func(shorter options) (bool, error) {
		runs++
		result, err := play(ctx, shorter)
		if err != nil || result.promise != found.promise {
			return false, err
		}
		opts, found = shorter, result
		return true, nil
	}
	opts.only = actsOf(found.acts)
	for size := (len(opts.only) + 1) / 2; size > 0 && runs < shrinkRuns; size /= 2 {
		for _, part := range slices.Collect(slices.Chunk(slices.Sorted(maps.Keys(opts.only)), size)) {
			shorter := opts
			shorter.only = maps.Clone(opts.only)
			for _, n := range part {
				delete(shorter.only, n)
			}
			if runs == shrinkRuns || len(shorter.only) == 0 {
				break
			}
			if _, err := try(shorter); err != nil {
				return opts, found, err
			}
		}
	}
	for _, f := range slices.Sorted(maps.Keys(found.faults)) {
		shorter := opts
		shorter.without = maps.Clone(opts.without)
		if shorter.without == nil {
			shorter.without = map[world.Fault]bool{}
		}
		shorter.without[f] = true
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

// command is what plays a history again.
func (o options) command() string {
	text := fmt.Sprintf("go run ./sim -from %d -seeds 1 -hours %d -trace", o.seed, o.hours)
	if len(o.without) > 0 {
		var names []string
		for _, f := range slices.Sorted(maps.Keys(o.without)) {
			names = append(names, string(f))
		}
		text += " -without " + strings.Join(names, ",")
	}
	if o.only != nil {
		var acts []string
		for _, n := range slices.Sorted(maps.Keys(o.only)) {
			acts = append(acts, fmt.Sprint(n))
		}
		text += " -acts " + strings.Join(acts, ",")
	}
	return text
}
