package settings

import (
	"path/filepath"
	"testing"
	"time"

	"boxoffice/scripts/stack/internal/file"
)

func TestSettingsExtendOnlyByBrokers(t *testing.T) {
	running := Settings{Mode: ModeJava, Brokers: 1, CheckInterval: time.Second, CheckTimeout: time.Second}
	for _, tc := range []struct {
		name   string
		change func(*Settings)
		want   bool
	}{
		{"same", func(*Settings) {}, true},
		{"more brokers", func(s *Settings) { s.Brokers = 2 }, true},
		{"auto", func(s *Settings) { s.Mode = ModeAuto }, true},
		{"no brokers", func(s *Settings) { s.Brokers = 0 }, false},
		{"docker", func(s *Settings) { s.Mode = ModeDocker }, false},
		{"interval", func(s *Settings) { s.CheckInterval++ }, false},
		{"maximum", func(s *Settings) { s.CheckMax++ }, false},
		{"ports", func(s *Settings) { s.PortBase = 30000 }, false},
	} {
		next := running
		tc.change(&next)
		if got := running.ExtendsTo(next); got != tc.want {
			t.Errorf("%s: ExtendsTo = %t, want %t", tc.name, got, tc.want)
		}
	}
}

func TestSettingsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if _, found, err := Load(dir); found || err != nil {
		t.Fatalf("load of nothing: found=%t, %v", found, err)
	}
	want := Settings{Mode: ModeJava, Brokers: 2, CheckInterval: time.Second, CheckTimeout: time.Minute, CheckMax: 3, PortBase: 30000}
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, found, err := Load(dir)
	if err != nil || !found || got != want {
		t.Fatalf("loaded %s, found=%t, %v; want %s", got, found, err, want)
	}
}

// A stack that was started before -check-max existed must still be taken down.
func TestSettingsWithoutMaximum(t *testing.T) {
	dir := t.TempDir()
	if err := file.Replace(filepath.Join(dir, savedFile), []byte(`{"mode":"java","brokers":1}`)); err != nil {
		t.Fatal(err)
	}
	got, found, err := Load(dir)
	if err != nil || !found || got.CheckMax != defaultCheckMax {
		t.Fatalf("loaded %s, found=%t, %v; want the default maximum", got, found, err)
	}
}

func TestPortsDoNotMeet(t *testing.T) {
	for _, base := range []int{0, 30000} {
		s := Settings{PortBase: base}
		seen := map[int]bool{s.NamesrvPort(): true, s.DBPort(): true}
		want := 2
		for i := range BrokersMax {
			for _, port := range []int{-2, 0, 1} {
				seen[s.BrokerPort(i)+port] = true
				want++
			}
		}
		if len(seen) != want {
			t.Errorf("port base %d: %d ports for %d listeners", base, len(seen), want)
		}
	}
}

// A part that was killed found its port taken when it came back: the system had given it to a connection.
func TestPortsOfTheClusterDoNotMeet(t *testing.T) {
	s := Default()
	s.Profile = ProfileCluster
	seen := map[int]int{s.NamesrvPort(): 1, s.FurtherNamesrvPort(): 1, s.DBPort(): 1}
	for i := range Masters * 2 {
		for _, port := range []int{-2, 0, 1} {
			seen[s.BrokerPort(i)+port]++
		}
	}
	for i := range Nodes {
		a, b, c, d := s.NodePorts(i)
		for _, port := range []int{a, b, c, d} {
			seen[port]++
		}
	}
	for i := range OfEachRole * len(OfficeRoles()) {
		shop, admin := s.OfficePorts(i)
		seen[shop]++
		seen[admin]++
	}
	for port, times := range seen {
		if times != 1 || port < clusterPorts || port >= clusterPorts+100 || port >= 32768 {
			t.Errorf("port %d is used %d times", port, times)
		}
	}
}
