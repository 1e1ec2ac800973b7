package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"boxoffice/payment/webhook"
)

const (
	triesMax     = 20 // of one event: a quarter of an hour, with the pauses between them
	lastPause    = time.Minute
	earlyTimeout = 3 * time.Second
	resultBytes  = 64 << 10 // of an answer that are read, so that its connection can be used again
)

// courier brings events to the office, with all the faults of the road.
type courier struct {
	agenda     *agenda
	http       *http.Client
	signer     *webhook.Verifier
	forger     forger
	dice       dice
	faults     Faults
	tally      *tally
	firstPause time.Duration
	log        *slog.Logger

	mu   sync.Mutex
	held map[string]notice // by attempt: events that a later one overtakes
}

// send sends events, each on its own way.
func (c *courier) send(notices ...notice) {
	for _, n := range notices {
		c.tally.add(func(k *Counts) { k.Events++ })
		c.forge(n)
		if !n.certain && c.dice.chance(c.faults.Lost, "lost", n.name) {
			c.tally.add(func(k *Counts) { k.Lost++ })
			continue
		}
		c.duplicate(n)
		if c.dice.chance(c.faults.Reorder, "reorder", n.name) && c.hold(n) {
			c.tally.add(func(k *Counts) { k.Reordered++ })
			continue
		}
		var pause time.Duration
		if c.dice.chance(c.faults.Delay, "delay", n.name) {
			pause = c.dice.pause(c.faults.MaxDelay, "delay", n.name)
			c.tally.add(func(k *Counts) { k.Delayed++ })
		}
		c.schedule(n, pause, 0)
	}
}

// sendEarly sends events before it returns, and goes on later with those that were not taken.
func (c *courier) sendEarly(ctx context.Context, notices ...notice) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), earlyTimeout)
	defer cancel()
	for _, n := range notices {
		c.tally.add(func(k *Counts) { k.Events++; k.Early++ })
		c.forge(n)
		c.duplicate(n)
		if !c.post(ctx, n) {
			c.schedule(n, c.firstPause, 1)
		}
	}
}

// schedule has an event sent until it is taken. tries is how often it was sent before.
func (c *courier) schedule(n notice, pause time.Duration, tries int) {
	scheduled := tries < triesMax && c.agenda.add(pause, func(ctx context.Context) {
		if tries > 0 {
			c.tally.add(func(k *Counts) { k.Retries++ })
		}
		isTaken := c.post(ctx, n)
		c.letOvertaken(n)
		if !isTaken {
			c.schedule(n, min(c.firstPause<<tries, lastPause), tries+1)
		}
	})
	if !scheduled {
		c.tally.add(func(k *Counts) { k.GivenUp++ })
		c.log.Warn("give up a callback", "webhook_id", n.id, "tries", tries)
	}
}

// duplicate sends copies of an event whose answers nobody minds: some at the same time as the event, some later.
func (c *courier) duplicate(n notice) {
	if !c.dice.chance(c.faults.Duplicate, "duplicate", n.name) {
		return
	}
	draw := c.dice.of("copies", n.name)
	for range 1 + draw.IntN(c.faults.Copies) {
		pause := time.Duration(draw.IntN(2)) * c.dice.pause(c.faults.MaxDelay, "copies", n.name)
		if c.agenda.add(pause, func(ctx context.Context) { c.post(ctx, n) }) {
			c.tally.add(func(k *Counts) { k.Duplicates++ })
		}
	}
}

// hold keeps an event until a later one of its attempt was sent, or its time is over. One of each attempt is kept.
func (c *courier) hold(n notice) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, other := c.held[n.attempt]; other {
		return false
	}
	if !c.agenda.add(c.faults.MaxDelay, func(context.Context) { c.release(n) }) {
		return false
	}
	c.held[n.attempt] = n
	return true
}

// release sends an event that is held, if it still is.
func (c *courier) release(n notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held, exists := c.held[n.attempt]; exists && held.id == n.id {
		delete(c.held, n.attempt)
		c.schedule(held, 0, 0)
	}
}

// letOvertaken releases the event that this one has overtaken.
func (c *courier) letOvertaken(by notice) {
	c.mu.Lock()
	held, exists := c.held[by.attempt]
	c.mu.Unlock()
	if exists && held.id != by.id {
		c.release(held)
	}
}

// post sends an event once, and tells whether it was taken.
func (c *courier) post(ctx context.Context, n notice) bool {
	body, err := json.Marshal(n.event)
	if err != nil {
		c.log.Error("encode an event", "webhook_id", n.id, "error", err)
		return false
	}
	header := http.Header{}
	c.signer.Sign(header, n.id, body)
	c.tally.add(func(k *Counts) { k.Posts++ })
	status, err := c.call(ctx, n.url, header, body)
	if err != nil || !isSuccess(status) {
		c.log.Debug("callback was not taken", "webhook_id", n.id, "status", status, "error", err)
		return false
	}
	c.tally.add(func(k *Counts) { k.Accepted++ })
	return true
}

// forge has a forged event sent besides the true one, if the dice say so.
func (c *courier) forge(n notice) {
	if !c.dice.chance(c.faults.Forged, "forged", n.name) {
		return
	}
	kind := forgeries(c.dice.of("forgery", n.name).IntN(int(forgeryKinds)))
	c.agenda.add(0, func(ctx context.Context) {
		header, body, err := c.forger.forge(kind, c.signer, n.id, n.event)
		if err != nil {
			c.log.Error("forge an event", "webhook_id", n.id, "error", err)
			return
		}
		c.tally.add(func(k *Counts) { k.ForgedSent++ })
		if status, err := c.call(ctx, n.url, header, body); err == nil && isSuccess(status) {
			c.tally.add(func(k *Counts) { k.ForgedAccepted++ })
			c.log.Error("a forged callback was taken", "webhook_id", header.Get(webhook.HeaderID), "forgery", int(kind))
		}
	})
}

// call posts a body, and returns the status of the answer.
func (c *courier) call(ctx context.Context, url string, header http.Header, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	request.Header = header
	request.Header.Set("Content-Type", jsonMediaType)
	response, err := c.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("post callback: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, resultBytes))
	if err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	return response.StatusCode, nil
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }
