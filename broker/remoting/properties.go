package remoting

import (
	"strings"
)

const (
	nameValueSeparator = '\x01'
	propertySeparator  = '\x02'
)

// ParseProperties reads the wire form k\x01v\x02. As in Java's
// string2messageProperties, entries without a key or a value are skipped and
// the last of equal keys counts.
func ParseProperties(s string) map[string]string {
	properties := make(map[string]string, strings.Count(s, string(propertySeparator)))
	for len(s) > 0 {
		var key, value string
		key, value, _, s = cutProperty(s)
		if key != "" && value != "" {
			properties[key] = value
		}
	}
	return properties
}

// Property finds one property in the wire form without allocating. It agrees
// with ParseProperties.
func Property(s, key string) (string, bool) {
	var found string
	for len(s) > 0 {
		var name, value string
		name, value, _, s = cutProperty(s)
		if name == key && name != "" && value != "" {
			found = value
		}
	}
	return found, found != ""
}

// SetProperty returns s in which key has this value and no other. An empty
// value removes the key; separators inside the value are left out, so that a
// value from outside cannot add properties.
func SetProperty(s, key, value string) string {
	s, key, value = removeProperty(s, key), withoutSeparators(key), withoutSeparators(value)
	if key == "" || value == "" {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + len(key) + len(value) + 3)
	out.WriteString(s)
	if s != "" && s[len(s)-1] != propertySeparator {
		out.WriteByte(propertySeparator)
	}
	out.WriteString(key)
	out.WriteByte(nameValueSeparator)
	out.WriteString(value)
	out.WriteByte(propertySeparator)
	return out.String()
}

// removeProperty returns s without any entry of this key.
func removeProperty(s, key string) string {
	if _, ok := Property(s, key); !ok {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	for rest := s; len(rest) > 0; {
		var name, entry string
		name, _, entry, rest = cutProperty(rest)
		if name != key {
			out.WriteString(entry)
		}
	}
	return out.String()
}

// cutProperty splits the first entry off s: its key, its value, the entry as it
// stands, and the rest.
func cutProperty(s string) (key, value, entry, rest string) {
	end := strings.IndexByte(s, propertySeparator)
	text := s
	if end < 0 {
		entry = s
	} else {
		text, entry, rest = s[:end], s[:end+1], s[end+1:]
	}
	if i := strings.IndexByte(text, nameValueSeparator); i >= 0 {
		key, value = text[:i], text[i+1:]
	}
	return key, value, entry, rest
}

func withoutSeparators(s string) string {
	if strings.IndexByte(s, nameValueSeparator) < 0 && strings.IndexByte(s, propertySeparator) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == nameValueSeparator || r == propertySeparator {
			return -1
		}
		return r
	}, s)
}
