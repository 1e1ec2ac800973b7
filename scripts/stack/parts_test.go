package main

import (
	"slices"
	"strings"
	"testing"

	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

// newCluster is the cluster of a directory in which nothing runs.
func newCluster(t *testing.T) stack {
	t.Helper()
	s := settings.Default()
	s.Mode, s.Profile = settings.ModeJava, settings.ProfileCluster
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	return stack{dir: part.Dir(t.TempDir()), settings: s}
}

func TestClusterHasEachPartTwice(t *testing.T) {
	var names []string
	for _, p := range newCluster(t).parts() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	const want = "api api2 broker broker2 db1 db2 db3 haproxy namesrv namesrv2 order order2 slave slave2 stock stock2"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("parts %s, want %s", got, want)
	}
}

func TestClusterStartsFromTheQueueToTheOffice(t *testing.T) {
	var order []string
	for _, stage := range part.Stages(newCluster(t).parts()) {
		var names []string
		for _, p := range stage {
			names = append(names, p.Name)
		}
		order = append(order, strings.Join(names, " "))
	}
	want := []string{
		"namesrv namesrv2 broker slave broker2 slave2", "db1", "db2", "db3", "haproxy", "api api2 order order2 stock stock2",
	}
	if !slices.Equal(order, want) {
		t.Errorf("stages %q, want %q", order, want)
	}
}
