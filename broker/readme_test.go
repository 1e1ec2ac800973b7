package broker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The README tells other modules how to test with this broker. Its lines are run as they stand there, in a module of their
// own beside this one.
func TestAnotherModuleAsTheReadmeSays(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "\n## A RocketMQ for your tests\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("the README has no such section")
	}
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	module := filepath.Join(parent, "reminders")
	if err := os.Symlink(here, filepath.Join(parent, "boxoffice")); err != nil {
		t.Skipf("this system links no directories: %v", err)
	}
	if err := os.Mkdir(module, 0o700); err != nil {
		t.Fatal(err)
	}
	test := codeBlock(t, section, "go")
	if err := os.WriteFile(filepath.Join(module, "reminders_test.go"), []byte(test), 0o600); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines("go mod init example.com/reminders\n" + codeBlock(t, section, "sh") + "go test -v ./...\n") {
		fields := strings.Fields(line)
		command := exec.CommandContext(t.Context(), fields[0], fields[1:]...)
		command.Dir = module
		command.Env = append(os.Environ(), "PWD="+module, "GOFLAGS=", "GOWORK=off")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s%v\n%s", line, err, out)
		}
		if fields[1] == "test" && !strings.Contains(string(out), "--- PASS: TestReminderComesAfterTenMinutes") {
			t.Errorf("the test did not run:\n%s", out)
		}
	}
}

// codeBlock returns the only block of a section in a language.
func codeBlock(t *testing.T, section, language string) string {
	t.Helper()
	fence := "```"
	blocks := strings.Split(section, "\n"+fence+language+"\n")
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of %s, want one", len(blocks)-1, language)
	}
	code, _, closed := strings.Cut(blocks[1], fence)
	if !closed {
		t.Fatalf("the block of %s has no end", language)
	}
	return code
}
