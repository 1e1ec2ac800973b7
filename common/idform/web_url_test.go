package idform

import (
	"strings"
	"testing"
)

// The rule stood in three packages, each with its own words for it, and one that was mended stayed as it was in the others.
func TestWebURL(t *testing.T) {
	for text, want := range map[string]bool{
		"https://a.example/b?c=d#e":          true,
		"HTTP://a.example":                   true,
		"http://127.0.0.1:8080/":             true,
		"https://[::1]:443/":                 true,
		"":                                   false,
		"/b":                                 false,
		"//a.example/b":                      false,
		"https:a.example":                    false,
		"ftp://a.example/":                   false,
		"javascript://a.example/%0Aa()":      false,
		"https://:443/":                      false,
		"https://a]/":                        false,
		"https://user@a.example/":            false,
		"https://a.example/b c":              false,
		"https://a.example/\u00e9":           false,
		"https://" + strings.Repeat("a", 92): true,
		"https://" + strings.Repeat("a", 93): false,
	} {
		if u, ok := WebURL(text, 100); ok != want || ok && u.Host == "" {
			t.Errorf("%q: %v, %t, want %t", text, u, ok, want)
		}
	}
}
