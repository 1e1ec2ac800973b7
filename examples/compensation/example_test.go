//go:build !race

package main

import (
	"context"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

func Example() {
	site.Show(run)
	// Output:
	// order 1, try 1: paper jam
	// order 1, try 2: paper jam
	// order 1, try 3: printed
	// order 2, try 1: no such seat
	// order 2: the card is refunded
	// order 2: the card stays refunded
	// order 2: the seat is free
	// order 2: the seat stays free
	// order 3, try 1: paper jam
	// order 3, try 2: paper jam
	// order 3, try 3: paper jam
	// order 3: the card is refunded
	// order 3: the card stays refunded
	// order 3: the seat is free
	// order 3: the seat stays free
}

// A paper jam ended its order for good, without a word, where the client had not said what lets the printer choose the pause.
func TestAJamIsTriedAgainWithoutAPauseOfItsOwn(t *testing.T) {
	o := &office{told: make(chan string, 1)}
	jammed := &primitive.MessageExt{Message: *primitive.NewMessage("order-paid", []byte("1"))}
	jammed.WithKeys([]string{"1"})
	defer func() {
		if recover() != nil {
			t.Error("the printer publishes that the order has failed")
		}
	}()
	if result, err := o.print(context.Background(), jammed); result != consumer.ConsumeRetryLater || err != nil {
		t.Errorf("the printer answers %v, %v", result, err)
	}
}
