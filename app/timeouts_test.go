package app

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"boxoffice/api"
	"boxoffice/common/mq"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sale"
	"boxoffice/stock"
	"boxoffice/tickets"
)

// An answer could be cut off in the same second in which its list of purchases was given up, and the buyer was told
// nothing: both had 15 seconds. Who waits gives up after whoever is waited for, as ARCHITECTURE.md says.
func TestTimeoutsOfAPurchase(t *testing.T) {
	architecture, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	before := time.Duration(0)
	for _, step := range []struct {
		name  string
		limit time.Duration
	}{
		{"mq.HalfTimeout", mq.HalfTimeout},
		{"sale.PlanTimeout", sale.PlanTimeout},
		{"stock.CheckTimeout", stock.CheckTimeout},
		{"stock.ExecuteTimeout", stock.ExecuteTimeout},
		{"sale.QueueTimeout", sale.QueueTimeout},
		{"sale.ListTimeout", sale.ListTimeout},
		{"api.AnswerTimeout", api.AnswerTimeout},
	} {
		if step.limit <= before {
			t.Errorf("%s is %v, and what it waits for may take %v", step.name, step.limit, before)
		}
		before = step.limit
		if row := fmt.Sprintf("| %v | `%s` |", step.limit, step.name); !strings.Contains(string(architecture), row) {
			t.Errorf("ARCHITECTURE.md has no row %q", row)
		}
	}
	if sale.QueueTimeout+sale.ListTimeout >= api.AnswerTimeout {
		t.Errorf("a purchase may take %v and %v, its answer %v", sale.QueueTimeout, sale.ListTimeout, api.AnswerTimeout)
	}
	if stock.CheckTimeout >= mq.CheckTimeout {
		t.Errorf("stock answers a check-back in %v, for which the broker's question waits %v", stock.CheckTimeout, mq.CheckTimeout)
	}
	for _, handled := range []struct {
		name        string
		limit, over time.Duration // over is what its handler waits for
	}{
		{"order.CreateTimeout", order.CreateTimeout, stock.ExecuteTimeout},
		{"stock.SettleTimeout", stock.SettleTimeout, stock.ExecuteTimeout},
		{"stock.ReviveTimeout", stock.ReviveTimeout, stock.ExecuteTimeout},
		{"tickets.SettleTimeout", tickets.SettleTimeout, stock.ExecuteTimeout},
		{"notify.SendTimeout", notify.SendTimeout, 0},
		{"notify.HandleTimeout", notify.HandleTimeout, stock.ExecuteTimeout},
		{"order.DueTimeout", order.DueTimeout, payment.AskTimeout + order.CreateTimeout},
		{"payment.AskTimeout", payment.AskTimeout, 0},
		{"app.drainTimeout", drainTimeout, api.AnswerTimeout - 1},
		{"app.stopTimeout", stopTimeout, drainTimeout + stopReserve - 1},
	} {
		if handled.limit <= handled.over {
			t.Errorf("%s is %v, and what it waits for may take %v", handled.name, handled.limit, handled.over)
		}
		if row := fmt.Sprintf("| %v | `%s` |", handled.limit, handled.name); !strings.Contains(string(architecture), row) {
			t.Errorf("ARCHITECTURE.md has no row %q", row)
		}
	}
	// Whoever stops a process leaves it that time: on Kubernetes, that before it is told included.
	for file, line := range map[string]string{
		"compose.yaml": "stop_grace_period: 60s", "systemd/boxoffice.service": "TimeoutStopSec=60",
		"kubernetes/base/pod.yaml": "terminationGracePeriodSeconds: 70",
	} {
		if text, err := os.ReadFile("../docker/" + file); err != nil || !strings.Contains(string(text), line) || stopTimeout >= time.Minute {
			t.Errorf("a stop takes up to %v, for which docker/%s must have %q: %v", stopTimeout, file, line, err)
		}
	}
	if drainTimeout < api.AnswerTimeout {
		t.Errorf("a process that stops gives requests %v, an answer may take %v", drainTimeout, api.AnswerTimeout)
	}
}
