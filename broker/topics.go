package broker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Topics the broker itself uses (TopicValidator).
const (
	topicHalf       = "RMQ_SYS_TRANS_HALF_TOPIC"
	topicSchedule   = "SCHEDULE_TOPIC_XXXX"
	topicCheckedOut = "TRANS_CHECK_MAX_TIME_TOPIC"
	topicTemplate   = "TBW102"

	retryPrefix      = "%RETRY%"
	deadLetterPrefix = "%DLQ%"
)

// Bits of a topic's perm.
const (
	permWrite = 2
	permRead  = 4
)

const (
	maxTopicName      = 127 // TopicValidator.TOPIC_MAX_LENGTH
	maxQueuesPerTopic = 1024
	maxTopics         = 100_000
)

var (
	errTopicName   = errors.New("illegal topic name")
	errTopicQueues = errors.New("illegal number of queues")
	errTopicLimit  = errors.New("too many topics")
)

// topicConfig is what a topic was created with; it is stored in topics.json.
type topicConfig struct {
	Name        string `json:"name"`
	ReadQueues  int32  `json:"readQueues"`
	WriteQueues int32  `json:"writeQueues"`
	Perm        int32  `json:"perm"`
}

// topic is an immutable view of one topic: a change of its configuration
// makes a new view over the same queues. Queues are never taken away, so
// shrinking a topic loses nothing.
type topic struct {
	topicConfig
	queues []*queue
}

func (t *topic) writable() bool { return t.Perm&permWrite != 0 }
func (t *topic) readable() bool { return t.Perm&permRead != 0 }

// topics is the topic table. A topic that clients know is on disk before
// anyone is told of it.
type topics struct {
	path string

	saving sync.Mutex // one writer of the file at a time; held over its fsync
	mu     sync.RWMutex
	byName map[string]*topic
}

func newTopics(path string) *topics {
	return &topics{path: path, byName: make(map[string]*topic)}
}

func (ts *topics) find(name string) *topic {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	return ts.byName[name]
}

// queue returns the queue of a topic, or nil when there is none of that id.
func (ts *topics) queue(name string, id int32) *queue {
	t := ts.find(name)
	if t == nil || id < 0 || int(id) >= len(t.queues) {
		return nil
	}
	return t.queues[id]
}

// all returns every topic, by name.
func (ts *topics) all() []*topic {
	ts.mu.RLock()
	list := make([]*topic, 0, len(ts.byName))
	for _, t := range ts.byName {
		list = append(list, t)
	}
	ts.mu.RUnlock()
	slices.SortFunc(list, func(a, b *topic) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// define sets a topic in memory only: for system topics and for recovery.
func (ts *topics) define(cfg topicConfig) *topic {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := &topic{topicConfig: cfg}
	if old := ts.byName[cfg.Name]; old != nil {
		t.queues = slices.Clone(old.queues)
	}
	for id := int32(len(t.queues)); id < max(cfg.ReadQueues, cfg.WriteQueues); id++ {
		t.queues = append(t.queues, &queue{topic: cfg.Name, id: id})
	}
	ts.byName[cfg.Name] = t
	return t
}

// put creates or changes a topic and returns when it is on disk.
func (ts *topics) put(cfg topicConfig) (*topic, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	ts.saving.Lock()
	defer ts.saving.Unlock()
	return ts.putLocked(cfg)
}

// ensure returns the topic of that name, creating it if it does not exist.
func (ts *topics) ensure(cfg topicConfig) (*topic, error) {
	if t := ts.find(cfg.Name); t != nil {
		return t, nil
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	ts.saving.Lock()
	defer ts.saving.Unlock()
	if t := ts.find(cfg.Name); t != nil {
		return t, nil
	}
	return ts.putLocked(cfg)
}

func (ts *topics) putLocked(cfg topicConfig) (*topic, error) {
	known := ts.all()
	configs := make([]topicConfig, 0, len(known)+1)
	for _, t := range known {
		if t.Name != cfg.Name {
			configs = append(configs, t.topicConfig)
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
func (ts *topics) load() error {
	configs, err := loadJSON(ts.path, "topics that have messages are found in the log, others are made when they are used", topicConfig.validate)
	if err != nil {
		return fmt.Errorf("load topics: %w", err)
	}
	for _, cfg := range configs {
		ts.define(cfg)
	}
	return nil
}

func (c topicConfig) validate() error {
	if err := validTopicName(c.Name); err != nil {
		return err
	}
	for _, n := range []int32{c.ReadQueues, c.WriteQueues} {
		if n < 1 || n > maxQueuesPerTopic {
			return fmt.Errorf("%w: %d", errTopicQueues, n)
		}
	}
	return nil
}

// validQueue tells whether a topic may have a queue of that id.
func validQueue(topic string, id int32) error {
	if err := validTopicName(topic); err != nil {
		return err
	}
	if id < 0 || id >= maxQueuesPerTopic {
		return fmt.Errorf("%w: queue %d", errTopicQueues, id)
	}
	return nil
}

// validTopicName applies TopicValidator.validateTopic: letters, digits and
// the signs % | - _, at most 127 of them.
func validTopicName(name string) error {
	if name == "" || len(name) > maxTopicName {
		return fmt.Errorf("%w: length %d", errTopicName, len(name))
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("%|-_", r) {
			return fmt.Errorf("%w: %q", errTopicName, name)
		}
	}
	return nil
}

// reservedForBroker reports whether clients may not send to the topic
// (TopicValidator.isNotAllowedSendTopic).
func reservedForBroker(name string) bool {
	return name == topicHalf || name == topicSchedule || name == topicCheckedOut
}

func retryTopic(group string) topicConfig {
	return topicConfig{Name: retryPrefix + group, ReadQueues: 1, WriteQueues: 1, Perm: permRead | permWrite}
}

func deadLetterTopic(group string) topicConfig {
	return topicConfig{Name: deadLetterPrefix + group, ReadQueues: 1, WriteQueues: 1, Perm: permRead | permWrite}
}
