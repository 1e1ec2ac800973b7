package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// A dead letter of refund-sent was read by nobody here: it was called unreadable, -fix and the console put it aside, and its
// buyer never heard of the money, which was marked as told of. Every topic of the office is one that the doctor reads.
func TestDoctorReadsTheDeadLettersOfEveryTopic(t *testing.T) {
	topics := event.Topics(1)
	if len(topics) < 5 {
		t.Fatalf("the office has the topics %v", topics)
	}
	for _, topic := range topics {
		forms, err := filepath.Glob("../common/event/testdata/" + topic.Name + "*.json")
		if err != nil || len(forms) == 0 {
			t.Fatalf("%s has no example: %v", topic.Name, err)
		}
		for _, form := range forms {
			body, err := os.ReadFile(form)
			if err != nil {
				t.Fatal(err)
			}
			ids, err := ordersOf(mq.DeadMessage{Topic: topic.Name, Body: body})
			if err != nil || len(ids) == 0 || ids[0] != "0f3k" && ids[0] != "1a2b" {
				t.Errorf("%s is about the orders %q, %v", form, ids, err)
			}
		}
	}
}
