//go:build !race

package app

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/sale"
	"boxoffice/stock"
)

// dashboard is what these tests read of docker/grafana/dashboards/boxoffice.json.
type dashboard struct {
	UID    string  `json:"uid"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID      int    `json:"id"`
	Title   string `json:"title"`
	Type    string `json:"type"`
	GridPos struct {
		H, W, X, Y int
	} `json:"gridPos"`
	Datasource struct {
		UID string `json:"uid"`
	} `json:"datasource"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(readDocker(t, "grafana/dashboards/boxoffice.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func readDocker(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docker/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alertExpressions are the expressions of docker/alerts.yml.
func alertExpressions(t *testing.T) (found []string) {
	t.Helper()
	for line := range strings.Lines(readDocker(t, "alerts.yml")) {
		if expr, is := strings.CutPrefix(strings.TrimSpace(line), "expr: "); is {
			found = append(found, expr)
		}
	}
	return found
}

// A rule or a panel about a series that is not there never fires, and shows nothing.
func TestAlertsAndDashboardNameSeriesThatExist(t *testing.T) {
	expressions := map[string][]string{"alert": alertExpressions(t)}
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			expressions["panel "+p.Title] = append(expressions["panel "+p.Title], target.Expr)
		}
	}
	o, _ := newMailOffice(t, freeAddress(t)) // which has every series
	order := o.mustBuy("alice", o.addScreening(10, 0), 1)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.callback("payment", order.ID, 1)
	series := slices.Collect(maps.Keys(o.metrics()))
	exists := func(name string) bool {
		return slices.ContainsFunc(series, func(s string) bool { return s == name || strings.HasPrefix(s, name+"{") })
	}
	named := regexp.MustCompile(`\b(?:boxoffice|go|process)_\w+`)
	selected := regexp.MustCompile(`(route|result|outcome|state|method)="([^"]+)"`)
	grouped := regexp.MustCompile(`\bby \(([^)]+)\)`)
	watched := map[string]bool{}
	for where, list := range expressions {
		for _, expression := range list {
			names := named.FindAllString(expression, -1)
			if len(names) == 0 {
				t.Errorf("%s: %s names no series", where, expression)
			}
			for _, name := range names {
				watched[name] = true
				if !exists(name) {
					t.Errorf("%s: there is no series %s", where, name)
				}
			}
			for _, by := range grouped.FindAllStringSubmatch(expression, -1) {
				for label := range strings.SplitSeq(by[1], ", ") {
					if label == "instance" { // Prometheus adds it
						continue
					}
					if !slices.ContainsFunc(series, func(s string) bool {
						name, labels, _ := strings.Cut(s, "{")
						return slices.Contains(names, name) && strings.Contains(labels, label+`="`)
					}) {
						t.Errorf("%s: %v have no label %s", where, names, label)
					}
				}
			}
			for _, label := range selected.FindAllString(expression, -1) {
				if !slices.ContainsFunc(series, func(s string) bool { return strings.Contains(s, label) }) {
					t.Errorf("%s: no series has %s", where, label)
				}
			}
		}
	}
	if len(watched) < 30 {
		t.Errorf("%d series are watched", len(watched))
	}
	wantAllWatched(t, series, slices.Collect(maps.Keys(watched)))
}

// wantAllWatched wants somebody to look at each series that the office exports: otherwise it is worth nothing.
func wantAllWatched(t *testing.T, series, watched []string) {
	t.Helper()
	for _, s := range series {
		name, _, _ := strings.Cut(s, "{")
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, part)
		}
		isWatched := slices.ContainsFunc(watched, func(w string) bool { return strings.HasPrefix(w, name) })
		if strings.HasPrefix(name, "boxoffice_") && !isWatched {
			t.Errorf("nobody looks at %s", name)
		}
	}
}

// Whoever is woken by an alert looks at the dashboard first. The alerts about cancelled screenings had no panel: what they told
// of was to be asked of Prometheus by hand.
func TestWhatAlertsTellOfIsOnTheDashboard(t *testing.T) {
	named := regexp.MustCompile(`\bboxoffice_\w+`)
	shown := map[string]bool{}
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			for _, name := range named.FindAllString(target.Expr, -1) {
				shown[name] = true
			}
		}
	}
	for _, expression := range alertExpressions(t) {
		for _, name := range named.FindAllString(expression, -1) {
			if !shown[name] {
				t.Errorf("an alert tells of %s, which no panel shows", name)
			}
		}
	}
}

// Every process that looks exports the same facts, so their sum counts them as often as there are processes: with three of them the
// panel "Messages stored" showed three messages for each.
func TestFactsAreNotSummedOverProcesses(t *testing.T) {
	expressions := alertExpressions(t)
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	summed, counts := regexp.MustCompile(`sum(?: by \([^)]*\))? ?\((?:\w+\()?(boxoffice_\w+)`), regexp.MustCompile(`_(?:total|bucket|sum|count)$`)
	found := 0
	for _, expression := range expressions {
		for _, sum := range summed.FindAllStringSubmatch(expression, -1) {
			if found++; !counts.MatchString(sum[1]) {
				t.Errorf("%s adds up %s, which every process exports", expression, sum[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("%d sums are found", found)
	}
}

// An export of a million orders, which takes as long as its reader, stood as the slowest route among the percentiles. What lasts by
// its nature, and the files of the pages, tell nothing of how fast the office answers.
func TestPercentilesLeaveOutWhatLasts(t *testing.T) {
	left := regexp.MustCompile(`histogram_quantile\(.*boxoffice_http_request_seconds_bucket\{route!~("[^}]*")\}`)
	found := 0
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			match := left.FindStringSubmatch(target.Expr)
			if match == nil {
				continue
			}
			found++
			routes, err := strconv.Unquote(match[1])
			if err != nil {
				t.Fatalf("panel %q: %s: %v", p.Title, match[1], err)
			}
			isLeftOut := regexp.MustCompile("^(?:" + routes + ")$")
			for route, want := range map[string]bool{
				"/v1/admin/orders.csv": true, "/v1/orders/:id/events": true, "/web/*": true, "/v1/orders": false, "/v1/admin/orders": false,
			} {
				if isLeftOut.MatchString(route) != want {
					t.Errorf("panel %q: %s is left out: %t", p.Title, route, !want)
				}
			}
		}
	}
	if found != 1 {
		t.Errorf("%d panels are found", found)
	}
}

// The counter of purchases began with the first one of each answer. Prometheus sees no rise in a series that it sees first, so the
// alert "purchases refused" missed an outage of a process that had refused nobody before, and a new office's panel was empty.
func TestPurchasesAreCountedFromZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newPurchaseResults())
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatal(families, err)
	}
	var results []string
	for _, m := range families[0].GetMetric() {
		results = append(results, m.GetLabel()[0].GetValue())
		if m.GetCounter().GetValue() != 0 {
			t.Errorf("%v", m)
		}
	}
	for _, err := range []error{nil, sale.ErrBusy, stock.ErrUnavailable, errors.New("x")} {
		want := purchaseResult(err)
		if !slices.Contains(results, want) {
			t.Errorf("%s is not among %v", want, results)
		}
	}
}

// Panels that lie over each other, or ask a datasource that nobody provisions, are noticed by whoever is called at night.
func TestDashboardIsProvisioned(t *testing.T) {
	d := readDashboard(t)
	datasource := readDocker(t, "grafana/provisioning/datasources/prometheus.yaml")
	compose := readDocker(t, "compose.yaml")
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("panel %q has the id of another one", p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && !strings.Contains(datasource, "uid: "+p.Datasource.UID+" ") {
			t.Errorf("panel %q asks datasource %q", p.Title, p.Datasource.UID)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, is := taken[[2]int{x, y}]; is || x >= 24 {
					t.Fatalf("panel %q lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	for _, want := range []string{
		"./grafana/provisioning:/etc/grafana/provisioning:ro", "./grafana/dashboards:/etc/grafana/dashboards:ro",
		`"127.0.0.1:${GRAFANA_PORT:-3000}:3000"`, `GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: "true"`, `GF_AUTH_DISABLE_LOGIN_FORM: "true"`,
	} {
		if !strings.Contains(compose, want) {
			t.Errorf("compose.yaml has no %s", want)
		}
	}
	if provider := readDocker(t, "grafana/provisioning/dashboards/boxoffice.yaml"); !strings.Contains(provider, "path: /etc/grafana/dashboards\n") {
		t.Errorf("the dashboards are read from elsewhere:\n%s", provider)
	}
	if !strings.Contains(datasource, "url: http://prometheus:9090") || !strings.Contains(compose, "\n  prometheus:\n") {
		t.Error("the datasource is no service of compose.yaml")
	}
	for line := range strings.Lines(compose) { // whatever is published is published to this machine alone
		if port := strings.TrimSpace(line); regexp.MustCompile(`^- "[^"]*:\d+"$`).MatchString(port) && !strings.HasPrefix(port, `- "127.0.0.1:`) {
			t.Errorf("%s is open to the network", port)
		}
	}
}
