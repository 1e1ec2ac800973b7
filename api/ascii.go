package api

import "strings"

// printableASCII tells whether s holds nothing but printable ASCII characters, spaces included.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// visibleASCII tells whether s is 1 to bytesMax printable ASCII characters without a space.
func visibleASCII(s string, bytesMax int) bool {
	return s != "" && len(s) <= bytesMax && printableASCII(s) && !strings.Contains(s, " ")
}
