package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/common/idform"
	"boxoffice/common/sentence"
	"boxoffice/doctor"
	"boxoffice/order"
)

// The operators' calls on what is wrong, and on who is there to do the work.

const (
	findingsMax = 100 // of each kind that are listed
	mendedMax   = 1000
)

// findingsAnswer is what the doctor has found.
type findingsAnswer struct {
	At       string              `json:"at"`
	Healthy  bool                `json:"healthy"`
	Complete bool                `json:"complete"` // false: the time was over before everything was read
	Total    int                 `json:"total"`
	Counts   map[doctor.Kind]int `json:"counts"`
	Findings []findingAnswer     `json:"findings"` // the first of each kind
	Notes    []noteAnswer        `json:"notes"`    // money that has to go back, which is no trouble
}

type findingAnswer struct {
	Kind       doctor.Kind         `json:"kind"`
	ID         string              `json:"id"`
	Detail     string              `json:"detail"`
	Said       []sentence.Sentence `json:"said"`   // detail by codes
	Remedy     *string             `json:"remedy"` // what a fix does; null when a person has to decide
	RemedySaid *sentence.Sentence  `json:"remedy_said"`
}

func newFindingAnswer(t doctor.Trouble) findingAnswer {
	found := findingAnswer{Kind: t.Kind, ID: t.ID, Detail: t.Detail, Said: said(t.Said), Remedy: nullIfEmpty(t.Remedy)}
	if t.RemedySaid.Code != "" {
		found.RemedySaid = &t.RemedySaid
	}
	return found
}

type noteAnswer struct {
	Kind      string `json:"kind"`
	PaymentID string `json:"payment_id"`
	OrderID   string `json:"order_id"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Since     string `json:"since"`
}

// listFindings answers what the doctor finds.
func (h *handler) listFindings(c echo.Context, _ string) error {
	report, err := h.Operators.Doctor.Findings(traced(c))
	if err != nil {
		return err
	}
	found := findingsAnswer{
		At: formatTime(report.At), Healthy: report.Healthy(), Complete: !report.Unfinished, Total: report.Total(), Counts: report.Counts,
		Findings: []findingAnswer{}, Notes: []noteAnswer{},
	}
	listed := map[doctor.Kind]int{}
	for _, t := range report.Troubles {
		if listed[t.Kind]++; listed[t.Kind] <= findingsMax {
			found.Findings = append(found.Findings, newFindingAnswer(t))
		}
	}
	for _, n := range report.Notes[:min(len(report.Notes), findingsMax)] {
		found.Notes = append(found.Notes, noteAnswer{n.Kind, n.PaymentID, n.OrderID, n.Amount, n.Currency, formatTime(n.Since)})
	}
	return answer(c, http.StatusOK, found)
}

type fixBody struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Note string `json:"note"`
}

// mendedAnswer is what was done.
type mendedAnswer struct {
	Done     int      `json:"done"`
	First    []string `json:"first"`    // of what was done, in words
	Complete bool     `json:"complete"` // false: the time was over, and the same call goes on
}

func answerMended(c echo.Context, m doctor.Mended) error {
	first := m.Done[:min(len(m.Done), mendedMax)]
	if first == nil {
		first = []string{}
	}
	return answer(c, http.StatusOK, mendedAnswer{len(m.Done), first, !m.Unfinished})
}

// fixFindings does what can be done about the troubles of one kind, or about one of them.
func (h *handler) fixFindings(c echo.Context, caller string) error {
	var body fixBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	act, err := newAct(c, caller, body.Note)
	if err != nil {
		return err
	}
	if body.Kind == "" || body.ID != "" && !idform.IsVisibleASCII(body.ID, order.IDMax) {
		return telling(invalid, sentence.New("bad_finding", "kind must be one of the findings, and id that of one of them."))
	}
	mended, err := h.Operators.Doctor.Fix(traced(c), doctor.Selection{Kind: doctor.Kind(body.Kind), ID: body.ID}, act)
	if err != nil {
		return err
	}
	return answerMended(c, mended)
}

// deadGroupAnswer is the dead letters of one consumer group, or the exhausted half messages.
type deadGroupAnswer struct {
	Kind    doctor.Kind    `json:"kind"`
	Group   *string        `json:"group"` // null for half messages
	Count   int64          `json:"count"`
	Letters []letterAnswer `json:"letters"` // the first of them
}

type letterAnswer struct {
	MessageID string   `json:"message_id"`
	Topic     string   `json:"topic"`
	Key       *string  `json:"key"`
	StoredAt  string   `json:"stored_at"`
	OrderIDs  []string `json:"order_ids"`
	Problem   *string  `json:"problem"` // why it cannot be read; null for one that can
}

// listDeadLetters answers the messages that were given up.
func (h *handler) listDeadLetters(c echo.Context, _ string) error {
	limit, err := listOfDead.onlyPage(c)
	if err != nil {
		return err
	}
	groups, err := h.Operators.Doctor.DeadLetters(traced(c), pageLimit(limit))
	if err != nil {
		return err
	}
	all := listAnswer[deadGroupAnswer]{Items: make([]deadGroupAnswer, len(groups))}
	for i, g := range groups {
		all.Items[i] = deadGroupAnswer{Kind: g.Kind, Group: nullIfEmpty(g.Group), Count: g.Count, Letters: []letterAnswer{}}
		for _, l := range g.Messages {
			letter := letterAnswer{l.MessageID, l.Topic, nullIfEmpty(l.Key), formatTime(l.StoredAt), l.OrderIDs, nullIfEmpty(l.Problem)}
			if letter.OrderIDs == nil {
				letter.OrderIDs = []string{}
			}
			all.Items[i].Letters = append(all.Items[i].Letters, letter)
		}
	}
	return answer(c, http.StatusOK, all)
}

// resendDeadLetters sends every dead letter again.
func (h *handler) resendDeadLetters(c echo.Context, caller string) error {
	act, err := readAct(c, caller)
	if err != nil {
		return err
	}
	mended, err := h.Operators.Doctor.ResendDead(traced(c), act)
	if err != nil {
		return err
	}
	return answerMended(c, mended)
}

// queuesAnswer is how deep the queues are.
type queuesAnswer struct {
	Topics          []topicAnswer `json:"topics"`
	Groups          []groupAnswer `json:"groups"`
	HalvesInDoubt   int64         `json:"half_messages_in_doubt"`
	HalvesExhausted int64         `json:"half_messages_exhausted"`
	ServerTime      string        `json:"server_time"`
}

type topicAnswer struct {
	Topic  string `json:"topic"`
	Stored int64  `json:"stored"`
}

type groupAnswer struct {
	Group       string   `json:"group"`
	Topic       string   `json:"topic"`
	Lag         int64    `json:"lag"`
	Retrying    int64    `json:"retrying"`
	DeadLetters int64    `json:"dead_letters"`
	Consumers   []string `json:"consumers"`
}

// listQueues answers how deep the queues are, and who consumes them.
func (h *handler) listQueues(c echo.Context, _ string) error {
	queues, err := h.Operators.Doctor.Queues(traced(c))
	if err != nil {
		return err
	}
	all := queuesAnswer{
		Topics: []topicAnswer{}, Groups: []groupAnswer{}, ServerTime: formatTime(h.Now()),
		HalvesInDoubt: queues.HalvesInDoubt, HalvesExhausted: queues.HalvesExhausted,
	}
	for _, t := range queues.Topics {
		all.Topics = append(all.Topics, topicAnswer(t))
	}
	for _, g := range queues.Groups {
		if g.Consumers == nil {
			g.Consumers = []string{}
		}
		all.Groups = append(all.Groups, groupAnswer(g))
	}
	return answer(c, http.StatusOK, all)
}

// processAnswer is one process of the office that is alive.
type processAnswer struct {
	ID         string `json:"id"`
	Host       string `json:"host"`
	PID        int    `json:"pid"`
	Roles      string `json:"roles"`
	Version    string `json:"version"`
	StartedAt  string `json:"started_at"`
	SeenAt     string `json:"seen_at"`
	ClockAhead int64  `json:"clock_ahead_ms"` // of the database server's clock
}

// listProcesses answers the processes of the office that are alive.
func (h *handler) listProcesses(c echo.Context, _ string) error {
	processes, err := h.Operators.Processes.Alive(traced(c))
	if err != nil {
		return err
	}
	all := listAnswer[processAnswer]{Items: make([]processAnswer, len(processes))}
	for i, p := range processes {
		all.Items[i] = processAnswer{
			p.ID, p.Host, p.PID, p.Roles, p.Version, formatTime(p.StartedAt), formatTime(p.SeenAt), p.Ahead.Milliseconds(),
		}
	}
	return answer(c, http.StatusOK, all)
}
