package site

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A scene that hangs would be ended by go test alone, after ten minutes, and nobody would see what it had printed.
func TestASceneThatHangsIsGivenUp(t *testing.T) {
	never := make(chan error)
	defer close(never)
	err := Within(time.Millisecond, func() error { return <-never })
	if err == nil || !strings.Contains(err.Error(), "has not ended within 1ms") {
		t.Errorf("it ends with %v", err)
	}
}

func TestASceneThatEndsSaysHow(t *testing.T) {
	soldOut := errors.New("sold out")
	for _, want := range []error{nil, soldOut} {
		if err := Within(time.Minute, func() error { return want }); !errors.Is(err, want) {
			t.Errorf("it ends with %v, want %v", err, want)
		}
	}
}
