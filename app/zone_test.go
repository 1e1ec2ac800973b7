package app

import (
	"errors"
	"testing"
)

// A machine whose zone is set by a file calls it "Local", which no browser knows.
func TestZoneHasANameThatBrowsersKnow(t *testing.T) {
	for _, test := range []struct{ local, file, want string }{
		{"Asia/Shanghai", "", "Asia/Shanghai"}, {"UTC", "", "UTC"}, {"Local", "/usr/share/zoneinfo/Europe/London", "Europe/London"},
		{"/usr/share/zoneinfo/Asia/Tokyo", "", "Asia/Tokyo"}, {"Local", "/etc/localtime", ""}, {"Local", "", ""}, {"/home/me/zone", "", ""},
	} {
		got := zoneName(test.local, func(string) (string, error) {
			if test.file == "" {
				return "", errors.New("no such file")
			}
			return test.file, nil
		})
		if got != test.want {
			t.Errorf("%q by %q is %q, want %q", test.local, test.file, got, test.want)
		}
	}
}
