package remoting

import (
	"slices"
	"strings"
)

// Tags is what a subscription lets through: all messages, or those whose tag has
// one of these hashes.
type Tags struct {
	All    bool
	hashes []int32
}

// ParseTags reads a subscription expression: * or empty for all, or tags
// separated by ||.
func ParseTags(expression string) Tags {
	expression = strings.TrimSpace(expression)
	if expression == "" || expression == "*" {
		return Tags{All: true}
	}
	var tags Tags
	for tag := range strings.SplitSeq(expression, "||") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags.hashes = append(tags.hashes, TagHash(tag))
		}
	}
	return tags
}

// Match reports whether a message with this hash of its tag is let through.
func (t Tags) Match(hash int32) bool { return t.All || slices.Contains(t.hashes, hash) }

// TagHash is Java's String.hashCode of a tag, over UTF-16 units; the broker
// filters a subscription by it.
func TagHash(tag string) int32 {
	var hash int32
	for _, r := range tag {
		if r > 0xFFFF {
			r -= 0x10000
			hash = 31*hash + (0xD800 + r>>10)
			r = 0xDC00 + r&0x3FF
		}
		hash = 31*hash + r
	}
	return hash
}
