package broker_test

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// pipeline is a connection with many requests under way at once, as many
// concurrent producers of one client make them.
type pipeline struct {
	conn   net.Conn
	frames *remoting.Reader
}

func newPipeline(b *testing.B, server *broker.Broker) *pipeline {
	b.Helper()
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &pipeline{conn, remoting.NewReader(conn)}
}

// run makes n exchanges with at most window of them open. step returns the
// next frames to write for exchange i, given the answer to its last frame (nil
// at first), or none when the exchange is over.
func (p *pipeline) run(n, window int, step func(i int, answer *remoting.Frame) *remoting.Frame) error {
	room := make(chan struct{}, window)
	answers := make(chan error, 1)
	var mu sync.Mutex
	write := func(f *remoting.Frame, i int) error {
		f.Opaque = int32(i)
		raw, err := remoting.AppendFrame(nil, f)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		_, err = p.conn.Write(raw)
		return err
	}
	go func() {
		for done := 0; done < n; {
			f, err := p.frames.Read()
			if err == nil && f.Code != remoting.Success {
				err = fmt.Errorf("answer %d %s", f.Code, f.Remark)
			}
			if err != nil {
				answers <- err
				return
			}
			if next := step(int(f.Opaque), f); next != nil {
				if err := write(next, int(f.Opaque)); err != nil {
					answers <- err
					return
				}
				continue
			}
			done++
			<-room
		}
		answers <- nil
	}()
	for i := range n {
		room <- struct{}{}
		if err := write(step(i, nil), i); err != nil {
			return err
		}
	}
	return <-answers
}

func benchmarkBroker(b *testing.B, window int, step func(i int, answer *remoting.Frame) *remoting.Frame) {
	server := broker.RunT(b)
	newTopic(b, server, "bench", 4)
	p := newPipeline(b, server)
	before := server.Stats()
	b.ReportAllocs()
	b.ResetTimer()
	if err := p.run(b.N, window, step); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	after := server.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(after.Syncs-before.Syncs)/float64(b.N), "fsync/msg")
}

// BenchmarkSend measures durable sends over TCP: 256 under way at once, each
// answered after its fsync.
func BenchmarkSend(b *testing.B) {
	for _, window := range []int{1, 256} {
		b.Run(strconv.Itoa(window), func(b *testing.B) {
			ext := sendExt("bench", map[string]string{"UNIQ_KEY": "0123456789ABCDEF", "KEYS": "order-1"})
			body := make([]byte, 256)
			benchmarkBroker(b, window, func(_ int, answer *remoting.Frame) *remoting.Frame {
				if answer != nil {
					return nil
				}
				return &remoting.Frame{Code: remoting.SendMessage, Ext: ext, Body: body}
			})
		})
	}
}

// BenchmarkTransaction measures a half message, its commit and the answer to
// the commit.
func BenchmarkTransaction(b *testing.B) {
	for _, window := range []int{1, 256} {
		b.Run(strconv.Itoa(window), func(b *testing.B) {
			ext := sendExt("bench", map[string]string{"UNIQ_KEY": "0123456789ABCDEF", "TRAN_MSG": "true", "PGROUP": "sellers"})
			body := make([]byte, 256)
			benchmarkBroker(b, window, func(_ int, answer *remoting.Frame) *remoting.Frame {
				switch {
				case answer == nil:
					return &remoting.Frame{Code: remoting.SendMessage, Ext: ext, Body: body}
				case answer.Ext["msgId"] != "":
					return &remoting.Frame{Code: remoting.EndTransaction, Ext: endExt(b, "sellers", answer, remoting.SysFlagCommit)}
				default:
					return nil
				}
			})
		})
	}
}

// BenchmarkDelayed measures delayed messages that fall due all at once: ns per
// message from its log record to where it can be pulled.
func BenchmarkDelayed(b *testing.B) {
	server := broker.RunT(b)
	newTopic(b, server, "bench", 4)
	ext := sendExt("bench", map[string]string{"DELAY": "18"})
	err := newPipeline(b, server).run(b.N, 256, func(_ int, answer *remoting.Frame) *remoting.Frame {
		if answer != nil {
			return nil
		}
		return &remoting.Frame{Code: remoting.SendMessage, Ext: ext, Body: make([]byte, 256)}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	server.Advance(3 * time.Hour)
	b.StopTimer()
	if n := server.PendingDelays(); n != 0 {
		b.Fatalf("%d messages still wait", n)
	}
}

// BenchmarkRecovery measures the start on a directory that holds b.N messages:
// ns per message.
func BenchmarkRecovery(b *testing.B) {
	dir := b.TempDir()
	server := broker.RunT(b, broker.WithDataDir(dir), broker.WithNoSync())
	newTopic(b, server, "bench", 4)
	ext := sendExt("bench", map[string]string{"TAGS": "red", "KEYS": "order-1"})
	err := newPipeline(b, server).run(b.N, 256, func(_ int, answer *remoting.Frame) *remoting.Frame {
		if answer != nil {
			return nil
		}
		return &remoting.Frame{Code: remoting.SendMessage, Ext: ext, Body: make([]byte, 256)}
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	broker.RunT(b, broker.WithDataDir(dir), broker.WithNoSync())
}
