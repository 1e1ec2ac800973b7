package mq

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
)

// instances makes the instance names of the client library's producers and consumers, each unlike any other of this or
// another process or host. The library shares one set of connections among all that have the same ip@instance, and then
// only the first of them gets check-backs (its internal/client.go).
type instances struct {
	prefix string
	last   atomic.Int64
}

func newInstances(process string) (*instances, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read host name: %w", err)
	}
	// Containers share process numbers and sometimes host names.
	unique := strings.ToLower(rand.Text()[:10])
	return &instances{prefix: fmt.Sprintf("%s-%s-%d-%s", sanitize(process), sanitize(host), os.Getpid(), unique)}, nil
}

// next makes a new name. The role says in broker logs what the client is for.
func (i *instances) next(role string) string {
	return fmt.Sprintf("%s-%s-%d", i.prefix, sanitize(role), i.last.Add(1))
}

// sanitize replaces what may not stand in a client id, where @, # and % have a meaning.
func sanitize(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		default:
			return '-'
		}
	}, name)
}
