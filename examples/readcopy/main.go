// Readcopy shows table ownership on a bus: one service owns a table, and whoever else needs it keeps a read copy of its own,
// made from the owner's events.
//
// The catalog owns the shows: nobody else writes its table, or even reads it. With each change it publishes the show as it
// is now, with a version that counts up. A till keeps what it needs, the price, in a database of its own, in whatever order
// the events come and however often: what is not newer than the copy changes nothing. A search that is built later fills
// its copy from the topic, for its new group begins with the first message: site sets ConsumeFromFirstOffset, as
// examples/hello does. By default a new group begins after what is there, and the search would find nothing.
//
// Two things stand elsewhere. A change and its event must happen both or not at all: that takes a transactional message
// (examples/transaction), or an outbox table. And RocketMQ keeps messages for some days (fileReservedTime): for whoever
// comes later, the owner publishes every show once more, which the versions make harmless.
//
// Watch: the old price that comes late does not stay, and both services answer while the catalog is down.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	_ "modernc.org/sqlite" // the databases

	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic := site.Name(namesrv, "show-changed")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	till, err := newCopy(s, topic, site.Name(namesrv, "till"))
	if err != nil {
		return err
	}
	catalog, err := s.NewProducer("catalog")
	if err != nil {
		return err
	}
	for _, change := range []show{{1, 80, 1}, {1, 95, 2}, {1, 80, 1}} { // the last one is the first, late
		event, err := json.Marshal(change)
		if err != nil {
			return err
		}
		if _, err := catalog.SendSync(context.Background(), primitive.NewMessage(topic, event)); err != nil {
			return err
		}
	}
	err = errors.Join(catalog.Shutdown(), till.tell(out, "the catalog is down; the till sells show 1 for %d\n"))
	if err != nil {
		return err
	}
	search, err := newCopy(s, topic, site.Name(namesrv, "search"))
	if err != nil {
		return err
	}
	return search.tell(out, "the search is new, and finds show 1 for %d\n")
}

// show is a row of the catalog, and the event that tells of it.
type show struct{ ID, Price, Version int }

// readCopy is what one service knows of the shows.
type readCopy struct {
	db      *sql.DB     // in memory, for as long as the program runs
	applied chan string // the ids of the messages
}

func newCopy(s *site.Site, topic, service string) (*readCopy, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // each connection would have a memory of its own
	_, err = db.Exec("CREATE TABLE known_shows (id INTEGER PRIMARY KEY, price INTEGER NOT NULL, version INTEGER NOT NULL)")
	if err != nil {
		return nil, err
	}
	c := &readCopy{db: db, applied: make(chan string, 16)}
	_, err = s.NewConsumer(service, topic, consumer.MessageSelector{}, c.apply)
	return c, err
}

// apply takes an event into the copy, unless the copy is as new.
func (c *readCopy) apply(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	var event show
	if err := json.Unmarshal(messages[0].Body, &event); err != nil {
		return consumer.ConsumeRetryLater, err
	}
	_, err := c.db.ExecContext(ctx, `INSERT INTO known_shows VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE
		SET price = excluded.price, version = excluded.version WHERE excluded.version > known_shows.version`,
		event.ID, event.Price, event.Version)
	if err != nil {
		return consumer.ConsumeRetryLater, err
	}
	c.applied <- messages[0].MsgId
	return consumer.ConsumeSuccess, nil
}

// tell says what the copy knows, once the three events have come; each may come twice.
func (c *readCopy) tell(out io.Writer, sentence string) error {
	if _, err := site.ReceiveSet(c.applied, 3); err != nil {
		return err
	}
	var price int
	err := c.db.QueryRow("SELECT price FROM known_shows WHERE id = 1").Scan(&price)
	fmt.Fprintf(out, sentence, price)
	return err
}
