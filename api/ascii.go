package api

// printableASCII tells whether s holds nothing but printable ASCII characters, spaces included.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
