package strictjson

import (
	"testing"
	"time"
)

// A time in a query or in a plain string is read by the same rules as one in a body.
func TestParseTimeIsThatOfBodies(t *testing.T) {
	for _, text := range []string{
		"2026-01-02T05:00:00Z", "2026-01-02T05:00:00.25+08:00", "2026-01-02T05:00:00.123456789-23:59", "2024-02-29T00:00:00Z",
		"", "now", "2026-01-02T5:00:00Z", "2026-01-02T05:00:00,5Z", "2026-01-02 05:00:00Z", "2026-01-02t05:00:00z", "2026-01-02T05:00:00",
		"2026-01-02T05:00Z", "2026-01-02T24:00:00Z", "2026-02-29T00:00:00Z", "2026-01-02T05:00:00+24:00", "2026-01-02T05:00:00Z ",
	} {
		var body struct{ At time.Time }
		bodyErr := Unmarshal([]byte(`{"At":"`+text+`"}`), &body)
		got, err := ParseTime(text)
		if (err == nil) != (bodyErr == nil) || err == nil && !got.Equal(body.At) {
			t.Errorf("%q: %v, %v; in a body %v, %v", text, got, err, body.At, bodyErr)
		}
	}
}
