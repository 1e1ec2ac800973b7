package site

import (
	"fmt"
	"io"
	"os"
	"time"
)

// sceneTimeout is some twenty times what the slowest scene takes on two cores: it ends what hangs, and measures nothing.
const sceneTimeout = time.Minute

// Show runs a scene as an Example: on an embedded broker, to the standard output, where a failure shows as well.
func Show(run func(namesrv string, out io.Writer) error) {
	if err := Within(sceneTimeout, func() error { return run("", os.Stdout) }); err != nil {
		_, _ = fmt.Fprintln(os.Stdout, err)
	}
}

// Within runs a scene and gives up when it takes longer than that; the scene itself is left as it is, for a test that ends.
func Within(limit time.Duration, scene func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- scene() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		return fmt.Errorf("the scene has not ended within %v", limit)
	}
}
