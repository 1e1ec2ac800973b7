package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

const (
	recoveredPosition = `Recovered position: [0-9a-f-]+:(-?\d+)`
	saidMax           = 2048 // bytes of what a server has said in the error
)

// errNoPosition says that a database does not tell up to where it has come.
var errNoPosition = errors.New("no position")

// StartOrder is the names of the databases of the cluster in dir, those that have come furthest first: what they have, the
// others may not have. It is none while one of them runs: then the order is of no account.
func StartOrder(ctx context.Context, dir part.Dir, s settings.Settings) ([]string, error) {
	if othersRun(dir, -1) {
		return nil, nil
	}
	g, err := findGalera()
	if err != nil {
		return nil, err
	}
	order, err := nodesByPosition(ctx, g, dir, s)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range order {
		names = append(names, nodeName(i))
	}
	return names, nil
}

func othersRun(stackDir part.Dir, i int) bool {
	for other := range settings.Nodes {
		if alive, err := stackDir.Running(nodeName(other)); other != i && alive && err == nil {
			return true
		}
	}
	return false
}

// nodesByPosition are the databases, those that have come furthest first.
func nodesByPosition(ctx context.Context, g galera, stackDir part.Dir, s settings.Settings) ([]int, error) {
	at := make([]int64, settings.Nodes)
	order := make([]int, settings.Nodes)
	for i := range settings.Nodes {
		var err error
		order[i] = i
		if at[i], err = position(ctx, g, s, i, stackDir.Data(nodeName(i))); err != nil {
			return nil, fmt.Errorf("%s: %w", nodeName(i), err)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(at[b] - at[a]) })
	return order, nil
}

// position is the number of the last commit that a database which does not run has; -1 when it never had one. One that
// was killed has to be asked, with the flags of a start: MariaDB tells nothing (10.11.19) while Galera is off.
func position(ctx context.Context, g galera, s settings.Settings, i int, dir string) (int64, error) {
	data := filepath.Join(dir, nodeServer(g.server).data)
	state, err := os.ReadFile(filepath.Join(data, galeraStateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read position: %w", err)
	}
	at, err := positionIn(`(?m)^seqno:\s*(-?\d+)`, string(state))
	if err != nil || at >= 0 {
		return at, err
	}
	args := append([]string{"--no-defaults", "--wsrep-recover", "--skip-networking"}, asUser()...)
	args = append(args, nodeFlags(s, i, data, g.provider)...)
	out, err := exec.CommandContext(ctx, g.server, args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("ask for position: %w\n%s", err, out)
	}
	return positionIn(recoveredPosition, string(out))
}

func positionIn(pattern, text string) (int64, error) {
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("%w in %q", errNoPosition, text[max(0, len(text)-saidMax):])
	}
	return strconv.ParseInt(found[1], 10, 64)
}
