package database

import (
	"context"
	"fmt"

	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

// Nodes are the databases of the cluster of the stack in dir, db1 first.
func Nodes(dir part.Dir, s settings.Settings) []part.Part {
	var all []part.Part
	for i := range settings.Nodes {
		port, _, _, _ := s.NodePorts(i)
		all = append(all, part.Part{
			Name: nodeName(i), Port: port, Patience: part.LoadWait,
			Prepare: func(ctx context.Context, data string) (argv, env []string, err error) {
				return prepareNode(ctx, dir, s, i, data)
			},
			Ready: func(ctx context.Context) error { return nodeSynced(ctx, port) },
		})
	}
	return all
}

func prepareNode(ctx context.Context, stackDir part.Dir, s settings.Settings, i int, dir string) (argv, env []string, err error) {
	g, err := findGalera()
	if err != nil {
		return nil, nil, err
	}
	data, err := installDB(ctx, nodeServer(g.server), dir)
	if err != nil {
		return nil, nil, err
	}
	argv = append([]string{g.server, "--no-defaults"}, asUser()...)
	argv = append(argv, nodeFlags(s, i, data, g.provider)...)
	if othersRun(stackDir, i) {
		return argv, nil, nil
	}
	// The first one of a cluster that is down begins it anew, whether or not it was the last to leave.
	order, err := nodesByPosition(ctx, g, stackDir, s)
	if err != nil {
		return nil, nil, err
	}
	if order[0] != i {
		return nil, nil, fmt.Errorf("no database runs, and %s has more than this one: start that first", nodeName(order[0]))
	}
	return append(argv, "--wsrep-new-cluster"), nil, allowBootstrap(data)
}
