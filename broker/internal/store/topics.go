package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// maxTopics is how many topics there may be.
const maxTopics = 100_000

var errTopicLimit = errors.New("too many topics")

// TemplateQueues is the number of queues of TBW102 (defaultTopicQueueNums).
const TemplateQueues = 8

// Bits of a topic's perm.
const (
	PermWrite = 2
	PermRead  = 4
)

// TopicConfig is what a topic was created with; it is stored in topics.json.
type TopicConfig struct {
	Name        string `json:"name"`
	ReadQueues  int32  `json:"readQueues"`
	WriteQueues int32  `json:"writeQueues"`
	Perm        int32  `json:"perm"`
}

// Topic is an immutable view of one topic: a change of its configuration
// makes a new view over the same queues. Queues are never taken away, so
// shrinking a topic loses nothing.
type Topic struct {
	TopicConfig
	Queues []*Queue
}

// Writable reports whether producers may send to the topic.
func (t *Topic) Writable() bool { return t.Perm&PermWrite != 0 }

// Readable reports whether consumers may pull from the topic.
func (t *Topic) Readable() bool { return t.Perm&PermRead != 0 }

// Topics is the topic table. A topic that clients know is on disk before
// anyone is told of it.
type Topics struct {
	path string

	saving sync.Mutex // one writer of the file at a time; held over its fsync
	mu     sync.RWMutex
	byName map[string]*Topic
}

func newTopics(path string) *Topics {
	return &Topics{path: path, byName: make(map[string]*Topic)}
}

// Find returns the topic of that name, or nil.
func (ts *Topics) Find(name string) *Topic {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	return ts.byName[name]
}

// Queue returns the queue of a topic, or nil when there is none of that id.
func (ts *Topics) Queue(name string, id int32) *Queue {
	t := ts.Find(name)
	if t == nil || id < 0 || int(id) >= len(t.Queues) {
		return nil
	}
	return t.Queues[id]
}

// All returns every topic, by name.
func (ts *Topics) All() []*Topic {
	ts.mu.RLock()
	list := slices.Collect(maps.Values(ts.byName))
	ts.mu.RUnlock()
	slices.SortFunc(list, func(a, b *Topic) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// define sets a topic in memory only: for system topics and for recovery.
func (ts *Topics) define(cfg TopicConfig) *Topic {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := &Topic{TopicConfig: cfg}
	if old := ts.byName[cfg.Name]; old != nil {
		t.Queues = slices.Clone(old.Queues)
	}
	for id := int32(len(t.Queues)); id < max(cfg.ReadQueues, cfg.WriteQueues); id++ {
		t.Queues = append(t.Queues, &Queue{Topic: cfg.Name, ID: id})
	}
	ts.byName[cfg.Name] = t
	return t
}

// Put creates or changes a topic and returns when it is on disk.
func (ts *Topics) Put(cfg TopicConfig) (*Topic, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ts.saving.Lock()
	defer ts.saving.Unlock()
	return ts.putLocked(cfg)
}

// Ensure returns the topic of that name, creating it if it does not exist.
func (ts *Topics) Ensure(cfg TopicConfig) (*Topic, error) {
	if t := ts.Find(cfg.Name); t != nil {
		return t, nil
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ts.saving.Lock()
	defer ts.saving.Unlock()
	if t := ts.Find(cfg.Name); t != nil {
		return t, nil
	}
	return ts.putLocked(cfg)
}

func (ts *Topics) putLocked(cfg TopicConfig) (*Topic, error) {
	known := ts.All()
	configs := make([]TopicConfig, 0, len(known)+1)
	for _, t := range known {
		if t.Name != cfg.Name {
			configs = append(configs, t.TopicConfig)
		}
	}
	if len(configs) >= maxTopics {
		return nil, errTopicLimit
	}
	if err := saveJSON(ts.path, append(configs, cfg)); err != nil {
		return nil, fmt.Errorf("save topics: %w", err)
	}
	return ts.define(cfg), nil
}

// load reads the topics a former run stored.
func (ts *Topics) load() error {
	configs, err := loadJSON(ts.path, "topics that have messages are found in the log, others are made when they are used", TopicConfig.Validate)
	if err != nil {
		return fmt.Errorf("load topics: %w", err)
	}
	for _, cfg := range configs {
		ts.define(cfg)
	}
	return nil
}

// Validate says why there can be no such topic.
func (c TopicConfig) Validate() error {
	if err := ValidTopicName(c.Name); err != nil {
		return err
	}
	for _, n := range []int32{c.ReadQueues, c.WriteQueues} {
		if n < 1 || n > MaxQueues {
			return fmt.Errorf("%w: %d", errTopicQueues, n)
		}
	}
	return nil
}

// OpenTopic is a topic of so many queues that everybody may read and write.
func OpenTopic(name string, queues int32) TopicConfig {
	return TopicConfig{Name: name, ReadQueues: queues, WriteQueues: queues, Perm: PermRead | PermWrite}
}

// RetryTopic is where messages come again that a group could not process.
func RetryTopic(group string) TopicConfig { return OpenTopic(RetryPrefix+group, 1) }

// DeadLetterTopic is where messages end that a group has given up.
func DeadLetterTopic(group string) TopicConfig { return OpenTopic(DeadLetterPrefix+group, 1) }
