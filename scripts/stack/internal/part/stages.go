package part

import (
	"maps"
	"slices"
)

// Stages sorts parts into those that start together, in the order in which they start.
func Stages(parts []Part) [][]Part {
	byStage := make(map[int][]Part)
	for _, p := range parts {
		byStage[p.Stage] = append(byStage[p.Stage], p)
	}
	var all [][]Part
	for _, stage := range slices.Sorted(maps.Keys(byStage)) {
		all = append(all, byStage[stage])
	}
	return all
}
