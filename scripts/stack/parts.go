package main

import (
	"context"
	"slices"

	"boxoffice/scripts/stack/internal/database"
	"boxoffice/scripts/stack/internal/office"
	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/rocketmq"
	"boxoffice/scripts/stack/internal/settings"
)

// The stages in which the cluster starts, after RocketMQ, which is the first. The databases come one after the other:
// each takes what it has missed from one that is there.
const (
	stageNodes  = 1
	stageProxy  = stageNodes + settings.Nodes
	stageOffice = stageProxy + 1
)

// partsOf is every part of the stack in dir.
func partsOf(dir part.Dir, s settings.Settings) []part.Part {
	if s.Clustered() {
		return clusterParts(dir, s)
	}
	return append(rocketmq.Single(dir, s), database.Single(s))
}

// clusterParts is every part of which an office has two or more in production, on one machine.
func clusterParts(dir part.Dir, s settings.Settings) []part.Part {
	all := rocketmq.Cluster(dir, s)
	for i, node := range database.Nodes(dir, s) {
		node.Stage = stageNodes + i
		all = append(all, node)
	}
	proxy := database.Proxy(s)
	proxy.Stage = stageProxy
	all = append(all, proxy)
	for _, process := range office.Processes(dir, s) {
		process.Stage = stageOffice
		all = append(all, process)
	}
	return all
}

// orderNodes has the database that has come furthest start first, if none runs: what it has, the others may not have.
func orderNodes(ctx context.Context, dir part.Dir, s settings.Settings, parts []part.Part) error {
	order, err := database.StartOrder(ctx, dir, s)
	if err != nil {
		return err
	}
	for i, name := range order {
		at := slices.IndexFunc(parts, func(p part.Part) bool { return p.Name == name })
		parts[at].Stage = stageNodes + i
	}
	return nil
}
