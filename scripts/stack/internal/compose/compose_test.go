package compose

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"boxoffice/scripts/stack/internal/settings"
)

// A required variable that compose.yaml gains and the stack does not set would
// stop the Docker mode, which is not tried where no engine runs.
func TestComposeEnvSetsWhatComposeRequires(t *testing.T) {
	compose := readCompose(t)
	var set []string
	for _, line := range env(settings.Default(), "/tmp/broker.conf") {
		name, _, _ := strings.Cut(line, "=")
		if !strings.Contains(compose, "${"+name) {
			t.Errorf("compose.yaml does not use %s", name)
		}
		set = append(set, name)
	}
	required := regexp.MustCompile(`\$\{([A-Z_]+):\?`).FindAllStringSubmatch(compose, -1)
	if len(required) == 0 {
		t.Fatal("no required variable found in compose.yaml")
	}
	for _, match := range required {
		if !slices.Contains(set, match[1]) {
			t.Errorf("compose.yaml requires %s, which is not set", match[1])
		}
	}
	for _, service := range []string{"namesrv", "broker", "mysql"} {
		if !slices.Contains(args(Call{Verb: "up"}), service) || !strings.Contains(compose, "\n  "+service+":\n") {
			t.Errorf("service %s is not started or not in compose.yaml", service)
		}
	}
}

// An office in a container told every time in UTC, and what an operator had set where compose runs stayed there.
func TestComposePassesTheTimeZoneOn(t *testing.T) {
	if !regexp.MustCompile(`(?m)^      TZ:(?: #.*)?$`).MatchString(readCompose(t)) {
		t.Error("compose.yaml does not pass TZ on to the app")
	}
}

// Compose publishes a port on every interface unless an address stands before it.
func TestComposePublishesOnLoopbackOnly(t *testing.T) {
	compose := readCompose(t)
	lists := regexp.MustCompile(`(?m)^    ports:\n((?:      - .*\n)+)`).FindAllStringSubmatch(compose, -1)
	if len(lists) != strings.Count(compose, "ports:") || len(lists) == 0 {
		t.Fatalf("read %d of %d lists of ports", len(lists), strings.Count(compose, "ports:"))
	}
	for _, list := range lists {
		for line := range strings.Lines(list[1]) {
			if !strings.HasPrefix(line, `      - "127.0.0.1:`) {
				t.Errorf("not on loopback: %s", line)
			}
		}
	}
}

// No service had a bound of its log, which fills the disk of the databases in the end, nor of its memory; and a dashboard that is
// "latest" becomes another program by itself.
func TestComposeBoundsEachService(t *testing.T) {
	compose := readCompose(t)
	_, services, _ := strings.Cut(compose, "\nservices:\n")
	services, _, _ = strings.Cut(services, "\nnetworks:\n")
	starts := regexp.MustCompile(`(?m)^  ([a-z-]+):\n`).FindAllStringSubmatchIndex(services, -1)
	running := 0
	for i, at := range starts {
		name, end := services[at[2]:at[3]], len(services)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		text := services[at[1]:end]
		if strings.Contains(text, ":latest\n") {
			t.Errorf("%s is of no version", name)
		}
		if !strings.Contains(text, "restart: unless-stopped") {
			continue // it runs once, and ends
		}
		running++
		if !strings.Contains(text, "logging: *rotated\n") || !strings.Contains(text, "mem_limit: ") {
			t.Errorf("%s has no bound of its log, or of its memory", name)
		}
	}
	if running < 7 {
		t.Errorf("found %d services in compose.yaml", running)
	}
}

func readCompose(t *testing.T) string {
	t.Helper()
	file, err := File()
	if err != nil {
		t.Fatal(err)
	}
	compose, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(compose)
}
