package examples

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Whoever learns by the table of the READMEs finds every scene there, and a scene that nobody runs proves nothing.
func TestEachExampleIsInTheTablesAndIsRun(t *testing.T) {
	for _, wrong := range exampleFaults(t, os.DirFS("..")) {
		t.Error(wrong)
	}
}

// A check that cannot fail is worse than none.
func TestExampleFaultsAreFound(t *testing.T) {
	const row = "| `go run ./examples/hello` | a scene | what to watch |\n"
	const example = "//go:build !race\n\npackage main\n\nfunc Example() {\n\tsite.Show(run)\n\t// Output:\n\t// hello\n}\n"
	const program = "// Hello: one.\n//\n// Watch: it.\npackage main\n"
	for name, planted := range map[string]struct{ english, chinese, program, example, want string }{
		"none":           {row, row, program, example, ""},
		"no row":         {"", row, program, example, "README.md has 0 rows"},
		"two rows":       {row, row + row, program, example, "README.zh-CN.md has 2 rows"},
		"row of nothing": {row + strings.ReplaceAll(row, "hello", "gone"), row, program, example, "gone is not there"},
		"no words":       {row, row, "package main\n", example, "does not say what it is about"},
		"no watch":       {row, row, "// Hello: one.\npackage main\n\n// Watch: it.\n", example, "does not say what to watch"},
		"by itself":      {row, row, program, strings.ReplaceAll(example, "site.Show(run)", "run()"), "has no site.Show(run)"},
		"no output":      {row, row, program, strings.ReplaceAll(example, "Output", "Prints"), "has no // Output:"},
		"under race":     {row, row, program, strings.TrimPrefix(example, "//go:build !race\n"), "//go:build !race"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{
				"README.md":                      {Data: []byte(planted.english)},
				"README.zh-CN.md":                {Data: []byte(planted.chinese)},
				"examples/hello/main.go":         {Data: []byte(planted.program)},
				"examples/hello/example_test.go": {Data: []byte(planted.example)},
			}
			found := strings.Join(exampleFaults(t, tree), "; ")
			if planted.want == "" && found != "" || !strings.Contains(found, planted.want) {
				t.Errorf("found %q, want %q", found, planted.want)
			}
		})
	}
}

// exampleFaults compares the folders of examples/ with the tables of the READMEs, and looks whether each tells its scene and
// what to watch, and has an Example that is compared with what it prints, and given up when it hangs (site.Show). The client's
// push consumer races by itself, hence the build line.
func exampleFaults(t *testing.T, root fs.FS) (found []string) {
	t.Helper()
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	read := func(name string) string {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			report("%v", err)
		}
		return string(text)
	}
	entries, err := fs.ReadDir(root, "examples")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() && name != "internal" {
			names = append(names, name)
		}
	}
	for _, document := range []string{"README.md", "README.zh-CN.md"} {
		rows := map[string]int{}
		for _, row := range regexp.MustCompile("(?m)^\\| `go run \\./examples/(\\w+)` \\|").FindAllStringSubmatch(read(document), -1) {
			rows[row[1]]++
			if !slices.Contains(names, row[1]) {
				report("%s: examples/%s is not there", document, row[1])
			}
		}
		for _, name := range names {
			if rows[name] != 1 {
				report("%s has %d rows of examples/%s", document, rows[name], name)
			}
		}
	}
	for _, name := range names {
		program, test := path.Join("examples", name, "main.go"), path.Join("examples", name, "example_test.go")
		if begin := "// " + strings.ToUpper(name[:1]) + name[1:]; !strings.HasPrefix(read(program), begin) {
			report("%s does not say what it is about: it does not begin with %q", program, begin)
		}
		if comment, _, _ := strings.Cut(read(program), "\npackage "); !strings.Contains(comment, "\n// Watch: ") {
			report("%s does not say what to watch: its package comment has no paragraph that begins with \"// Watch: \"", program)
		}
		text := read(test)
		for _, part := range []string{"//go:build !race\n", "func Example() {\n", "\tsite.Show(run)\n", "\t// Output:\n"} {
			if !strings.Contains(text, part) {
				report("%s has no %s", test, strings.TrimSpace(part))
			}
		}
	}
	return found
}
