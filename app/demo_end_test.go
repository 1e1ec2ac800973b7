package app

import (
	"log/slog"
	"os"
	"os/exec"
	"testing"
)

// The app of docker/compose.yaml, whose root is read-only, did not start: it wanted to remove what a demo leaves behind, and such
// a file system answers "read-only" also for a file that is not there.
func TestDemoEndsOnAReadOnlyRoot(t *testing.T) {
	const inside = "BOXOFFICE_TEST_READ_ONLY"
	if dir := os.Getenv(inside); dir != "" {
		config, err := parse(t, map[string]string{"BOXOFFICE_DATA_DIR": dir})
		if err != nil {
			t.Fatal(err)
		}
		o := &office{config: config, log: slog.New(slog.DiscardHandler)}
		if err := o.endDemo(demoSecretsFile(dir)); err != nil {
			t.Fatal(err)
		}
		return
	}
	dir := t.TempDir()
	alone := []string{"-rm", "sh", "-c", `mount -t tmpfs -o ro none "$0" && exec "$@"`, dir}
	if out, err := exec.Command("unshare", append(alone, "true")...).CombinedOutput(); err != nil {
		t.Skipf("no read-only file system can be mounted here: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", append(alone, os.Args[0], "-test.run", "^"+t.Name()+"$")...)
	cmd.Env = append(os.Environ(), inside+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
