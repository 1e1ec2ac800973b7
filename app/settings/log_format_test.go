package settings

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A log in JSON said "lasted":1785000000, without a unit, where a text log says 1.785s.
func TestJSONLogsSayTheUnitOfATimeSpan(t *testing.T) {
	var out strings.Builder
	LogJSON.New(&out, slog.LevelInfo).With("wait", time.Minute).Info("outage ends", slog.Group("outage", "lasted", 1785*time.Millisecond), "tries", 3)
	for _, part := range []string{`"wait":"1m0s"`, `"lasted":"1.785s"`, `"tries":3`} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%s is not in %s", part, out.String())
		}
	}
}
