//go:build !race

package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

func Example() {
	if err := run("", os.Stdout); err != nil {
		fmt.Println(err)
	}
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
