package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// fault is what happens to one part, or to two at once; the zero value is none.
type fault struct {
	frozen bool // otherwise killed
	parts  []string
}

// String says it in a few words.
func (f fault) String() string {
	switch {
	case len(f.parts) == 0:
		return "none"
	case f.frozen:
		return "freeze " + names(f.parts)
	}
	return "kill " + names(f.parts)
}

// names joins what a fault is about.
func names(parts []string) string { return strings.Join(parts, " and ") }

func (f fault) hold(s settings) time.Duration {
	if f.frozen {
		return s.freeze
	}
	return s.down
}

// groups are the parts of which the cluster can do without one each: of the four brokers too, because a master without
// its slave acknowledges nothing.
func groups() [][]string {
	return [][]string{
		{"namesrv", "namesrv2"}, {"broker", "broker2", "slave", "slave2"}, {"db1", "db2", "db3"}, {"haproxy"},
		{"api", "api2"}, {"order", "order2"}, {"stock", "stock2"},
	}
}

// plan is every part killed and then frozen, and what the seed adds.
func (s settings) plan() ([]fault, error) {
	all := slices.Concat(groups()...)
	turn := all
	switch s.parts {
	case "all":
	case "none":
		turn = nil
	default:
		turn = strings.Split(s.parts, ",")
	}
	var faults []fault
	for _, part := range turn {
		if !slices.Contains(all, part) {
			return nil, fmt.Errorf("no part %q: there are %s", part, strings.Join(all, ", "))
		}
		faults = append(faults, fault{false, []string{part}}, fault{true, []string{part}})
	}
	chance := rand.New(rand.NewPCG(s.seed, 0))
	for range s.random {
		faults = append(faults, draw(chance))
	}
	return faults, nil
}

// draw chooses one part in two of three cases, and otherwise two of different groups: the promise is about one of each.
// Without haproxy there is no database, so it goes alone.
func draw(chance *rand.Rand) fault {
	f := fault{frozen: chance.IntN(2) == 0}
	from := groups()
	if chance.IntN(3) > 0 {
		all := slices.Concat(from...)
		f.parts = []string{all[chance.IntN(len(all))]}
		return f
	}
	from = slices.DeleteFunc(from, func(group []string) bool { return group[0] == "haproxy" })
	for _, i := range chance.Perm(len(from))[:2] {
		f.parts = append(f.parts, from[i][chance.IntN(len(from[i]))])
	}
	return f
}
