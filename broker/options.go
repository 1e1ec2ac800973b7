package broker

import (
	"log/slog"
	"time"

	"boxoffice/broker/internal/store"
)

// Clock is where the broker's time comes from.
type Clock interface{ Now() time.Time }

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// options are the settings of a broker; New starts from defaultOptions.
type options struct {
	listen        string
	advertise     string
	clock         Clock
	checkAfter    time.Duration
	checkInterval time.Duration
	checkMax      int32
	autoCreate    bool
	maxMessage    int

	store store.Options
}

func defaultOptions() options {
	return options{
		listen:        "127.0.0.1:0",
		clock:         wallClock{},
		checkAfter:    6 * time.Second,
		checkInterval: 30 * time.Second,
		checkMax:      15,
		autoCreate:    true,
		maxMessage:    4 << 20,
		store: store.Options{
			Log: slog.New(slog.DiscardHandler), DelayLevels: defaultDelayLevels(), SegmentBytes: 64 << 20, RetainAge: 72 * time.Hour,
		},
	}
}

// valid reports whether a broker can run with these settings.
func (o *options) valid() bool {
	return o.checkAfter >= 0 && o.checkInterval > 0 && len(o.store.DelayLevels) > 0 && len(o.store.DelayLevels) <= store.MaxQueues &&
		o.maxMessage > 0 && o.maxMessage <= store.MaxBody
}

// Option changes one setting of New.
type Option func(*options)

// WithListen sets the address of the port that nameserver and broker share.
// The default is 127.0.0.1:0, a free port on loopback.
func WithListen(addr string) Option { return func(o *options) { o.listen = addr } }

// WithAdvertise sets the ip:port that routes and message ids carry, for clients
// that reach the broker through a proxy. The default is the listener's address.
func WithAdvertise(addr string) Option { return func(o *options) { o.advertise = addr } }

// WithDataDir sets the directory of the log and its side files. Without it a
// temporary directory is used and removed by Close.
func WithDataDir(dir string) Option { return func(o *options) { o.store.Dir = dir } }

// WithLogger sets where the broker logs; by default nowhere.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.store.Log = l } }

// WithClock sets the source of the broker's time; Advance adds to it.
func WithClock(c Clock) Option { return func(o *options) { o.clock = c } }

// WithNoSync answers sends without waiting for the disk. A process crash still
// loses nothing; a power failure loses what the system had not written yet.
func WithNoSync() Option { return func(o *options) { o.store.NoSync = true } }

// WithCutDamage says whether to give up what is damaged in the log and everything
// behind it. By default such a log is not opened. The tail that a crash has torn is cut off
// in either case, with a warning: nothing in it was acknowledged.
func WithCutDamage(on bool) Option { return func(o *options) { o.store.CutDamage = on } }

// WithSegmentBytes sets the size at which a new log segment is begun; 64 MiB by
// default. Retention deletes whole segments.
func WithSegmentBytes(n int64) Option { return func(o *options) { o.store.SegmentBytes = n } }

// WithRetention deletes log segments whose newest message is older than age,
// and the oldest ones while the log is larger than size bytes. Zero turns
// either rule off. The default is 72 hours (fileReservedTime) and no size.
func WithRetention(age time.Duration, size int64) Option {
	return func(o *options) { o.store.RetainAge, o.store.RetainBytes = age, size }
}

// WithTransactionTimeout sets the age at which a half message is first checked
// back (transactionTimeOut); 6 s by default.
func WithTransactionTimeout(d time.Duration) Option { return func(o *options) { o.checkAfter = d } }

// WithTransactionCheckInterval sets the time between two check-back passes
// (transactionCheckInterval); 30 s by default.
func WithTransactionCheckInterval(d time.Duration) Option {
	return func(o *options) { o.checkInterval = d }
}

// WithTransactionCheckMax sets how often a half message is checked back before
// it goes to TRANS_CHECK_MAX_TIME_TOPIC (transactionCheckMax); 15 by default.
func WithTransactionCheckMax(n int) Option { return func(o *options) { o.checkMax = int32(n) } }

// WithDelayLevels sets the delays of levels 1, 2, ... (messageDelayLevel); by
// default RocketMQ's 18 levels from 1 s to 2 h.
func WithDelayLevels(levels []time.Duration) Option {
	return func(o *options) { o.store.DelayLevels = levels }
}

// WithAutoCreateTopics says whether sending to an unknown topic creates it
// (autoCreateTopicEnable); true by default.
func WithAutoCreateTopics(on bool) Option { return func(o *options) { o.autoCreate = on } }

// WithMaxMessageBytes sets the largest message body accepted (maxMessageSize);
// 4 MiB by default, 8 MiB at most.
func WithMaxMessageBytes(n int) Option { return func(o *options) { o.maxMessage = n } }

// defaultDelayLevels are RocketMQ's messageDelayLevel, levels 1 to 18.
func defaultDelayLevels() []time.Duration {
	return []time.Duration{
		time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute,
		6 * time.Minute, 7 * time.Minute, 8 * time.Minute, 9 * time.Minute, 10 * time.Minute,
		20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
	}
}
