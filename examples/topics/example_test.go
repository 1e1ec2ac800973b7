//go:build !race

package main

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/examples/internal/site"
)

func Example() {
	site.Show(run)
	// Output:
	// remindres, misspelt: the sender hears: <nil>; messages there for nobody: 1
	// no topic: the sender hears: the topic=reminders route info not found
	// no topic: the reader hears: start consumer of group mailer: the topic=reminders route info not found, it may not exist
	// the topic is there, with 4 queues
	// the reader gets: pay for order 2
}

// A learner who reads one way to make the topic and takes the other gets the same topic.
func TestComposeRunsTheLineThatIsTaught(t *testing.T) {
	scene, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	compose, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	taught := regexp.MustCompile(`(?m)^//\t(sh mqadmin .*)$`).FindSubmatch(scene)
	if taught == nil {
		t.Fatal("the package comment has no mqadmin line")
	}
	run := strings.ReplaceAll(string(compose), "$$topic", "reminders")
	for _, want := range []string{string(taught[1]) + "\n", "for topic in reminders;", "autoCreateTopicEnable=false\n"} {
		if !strings.Contains(run, want) {
			t.Errorf("compose.yaml has no %q", want)
		}
	}
}

// On a broker that makes topics by itself the send of the scene made the topic, and a learner read "no topic: the sender
// hears: <nil>", and was asked to make what was there.
func TestABrokerThatMakesTopicsByItself(t *testing.T) {
	var out bytes.Buffer
	namesrv := newBroker(t, true)
	if err := site.Within(time.Minute, func() error { return run(namesrv, &out) }); err != nil {
		t.Fatal(err)
	}
	if told := out.String(); !strings.HasSuffix(told, "autoCreateTopicEnable=false\n") || strings.Contains(told, "no topic") {
		t.Errorf("the learner is told %q", told)
	}
}

// The printed line named 127.0.0.1:9876, where in the containers of compose.yaml there is no nameserver.
func TestALineForEachRocketMQIsPrinted(t *testing.T) {
	namesrv := newBroker(t, false)
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := site.Within(time.Minute, func() error { return run(namesrv, write) })
		ended <- err
		_ = write.CloseWithError(err)
	}()
	var told bytes.Buffer
	made := false
	for chunk := make([]byte, 4096); ; {
		n, err := read.Read(chunk)
		told.Write(chunk[:n])
		line := regexp.MustCompile(` -t (\S+) -r 4`).FindSubmatch(told.Bytes())
		if line != nil && !made {
			made = true
			operator, err := site.Start(namesrv, string(line[1])) // which makes the topic
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = operator.Close() })
		}
		if err != nil {
			break
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("the scene fails: %v", err)
	}
	const inCompose = "\n  docker compose -f examples/topics/compose.yaml run --rm topics sh mqadmin updateTopic -n namesrv:9876 "
	for _, want := range []string{inCompose, "\n  sh mqadmin updateTopic -n " + namesrv + " ", "the reader gets: pay for order 2\n"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("the learner is not told %q, but %q", want, told.String())
		}
	}
}

func newBroker(t *testing.T, makesTopics bool) (namesrv string) {
	t.Helper()
	b, err := broker.New(broker.WithAutoCreateTopics(makesTopics))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b.Addr()
}
