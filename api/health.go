package api

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"boxoffice/common/strictjson"
)

const (
	readinessBytesMax = 64 << 10 // of an answer
	linesJoin         = "; "
)

// AskReady asks the admin listener of a running office, at host:port, whether it is ready. An error says which checks fail,
// in one line. ctx bounds it.
func AskReady(ctx context.Context, address string) error { return askHealth(ctx, address, "/readyz") }

// AskAlive is AskReady for whether the office answers at all.
func AskAlive(ctx context.Context, address string) error { return askHealth(ctx, address, "/livez") }

func askHealth(ctx context.Context, address, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy, which would answer for an office that is away
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("no office answers: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, readinessBytesMax))
	if err != nil {
		return fmt.Errorf("no office answers: %w", err)
	}
	var state readiness
	if err := strictjson.UnmarshalKnown(raw, &state); err != nil || state.Status == "" {
		return fmt.Errorf("%s is no office's admin listener: it answers %s with %d", address, path, answer.StatusCode)
	}
	if answer.StatusCode != http.StatusOK || state.Status != statusOK {
		return fmt.Errorf("%s: %s", state.Status, strings.Join(state.failing(), linesJoin))
	}
	return nil
}

// failing says what does not work, in the order of the checks' names.
func (r readiness) failing() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(r.Checks)) {
		if r.Checks[name] != statusOK {
			lines = append(lines, name+": "+strings.ReplaceAll(r.Checks[name], "\n", ", "))
		}
	}
	return lines
}
