package failpoint_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"boxoffice/common/failpoint"
)

// A step that is on the list and is nowhere in the code is one that a drill waits for in vain, and one that is not on the list
// is never tried.
func TestTheListHasTheStepsOfTheCode(t *testing.T) {
	hit := regexp.MustCompile(`failpoint\.Hit\("([^"]*)"\)`)
	found := map[string]bool{}
	root := os.DirFS(filepath.Join("..", ".."))
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(root, name)
		for _, match := range hit.FindAllSubmatch(source, -1) {
			found[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, point := range failpoint.Points() {
		if !found[point.Name] {
			t.Errorf("%s is on the list and nowhere in the code", point.Name)
		}
		delete(found, point.Name)
	}
	for name := range found {
		t.Errorf("%s is in the code and not on the list", name)
	}
}

// In a normal build nothing is left of a step: the compiler makes no call, and keeps no name.
func TestStepsCostNothing(t *testing.T) {
	steps := func(tags string) (names []string) {
		t.Helper()
		out, err := exec.Command("go", "build", "-tags", tags, "-gcflags=-S", "boxoffice/stock").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%.2000s", err, out)
		}
		for _, trace := range []string{"CALL\tboxoffice/common/failpoint.Hit(SB)", "\"reserve.before-commit\""} {
			if strings.Contains(string(out), trace) {
				names = append(names, trace)
			}
		}
		return names
	}
	if left := steps(""); len(left) > 0 {
		t.Errorf("a normal build has %q", left)
	}
	if with := steps("failpoints"); len(with) != 2 {
		t.Errorf("a build with failpoints has only %q of what is looked for", with)
	}
}

// The tests of what only a build with failpoints has run in one.
func TestBuiltWithFailpoints(t *testing.T) {
	out, err := exec.Command("go", "test", "-count=1", "-tags", "failpoints", "-run", "^TestWith", "boxoffice/common/failpoint").CombinedOutput()
	if err != nil || strings.Contains(string(out), "no tests to run") {
		t.Errorf("%v\n%s", err, out)
	}
}
