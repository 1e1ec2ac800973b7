package mq

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
)

// instances makes the names of clients. The client library shares one connection set among all producers and consumers
// of the same ip@instance, and then only the first of them gets check-backs (its internal/client.go): so every client
// has a name that no other client of this or any other process or host has.
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
	return &instances{prefix: fmt.Sprintf("%s-%s-%d-%s", plain(process), plain(host), os.Getpid(), unique)}, nil
}

// next is a new name. The role says in broker logs what the client is for.
func (i *instances) next(role string) string {
	return fmt.Sprintf("%s-%s-%d", i.prefix, plain(role), i.last.Add(1))
}

// plain keeps what may stand in a client id, where @, # and % have a meaning.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		default:
			return '-'
		}
	}, name)
}
