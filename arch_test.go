package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	functionLinesMax = 70
	fileLinesMax     = 400
	mainLinesMax     = 30
	exampleLinesMax  = 120
	commentWidthMax  = 132 // columns, at which comments wrap; code may be wider, and its linter says how wide
	tabWidth         = 4
	module           = "boxoffice"
	rocketmqClient   = "github.com/apache/rocketmq-client-go/"
)

// allowedImports is the picture of ARCHITECTURE.md: a package, and what of ours it may import. A package that is not
// here may not exist, but for the commands below scripts, which may import anything, and the examples.
func allowedImports() map[string][]string {
	return map[string][]string{
		"": {"app"},
		"app/settings": {
			"archive", "common/mq", "payment", "payment/webhook", "payment/stripe", "payment/wechat", "payment/alipay", "stock",
			"tickets", "notify",
		},
		"app": {
			"app/settings", "api", "sale", "stock", "order", "payment", "payment/webhook",
			"identity", "simulator", "doctor", "inquiry", "presence", "archive", "backup", "broker", "cancellation", "purge", "sql", "tickets",
			"notify", "notify/smtp", "notify/sms",
			"common/audit", "common/db", "common/event", "common/mq", "common/officeclock", "common/outage", "common/sentence", "common/tracing",
			"live",
		},
		"api": {
			"identity", "live", "sale", "stock", "order", "payment", "tickets", "notify", "inquiry", "doctor", "presence",
			"common/audit", "common/event", "common/idform", "common/keyset", "common/sentence", "common/strictjson", "common/tracing",
		},
		"live":     {"order", "stock", "common/outage"},
		"presence": {"common/db", "common/outage"},
		"inquiry": {
			"stock", "order", "payment", "notify", "tickets", "archive", "common/audit", "common/event", "common/keyset", "common/mq",
			"common/sentence",
		},
		"payment": {
			"order", "common/audit", "common/batch", "common/db", "common/event", "common/failpoint", "common/idform", "common/outage",
			"common/tracing",
		},
		"payment/webhook":       {"payment", "order", "common/event", "common/hooksecret", "common/httpclient", "common/idform", "common/strictjson"},
		"payment/stripe":        {"payment", "order", "common/event", "common/httpclient", "common/idform"},
		"payment/wechat":        {"payment", "order", "common/event", "common/httpclient", "common/idform", "common/strictjson"},
		"payment/alipay":        {"payment", "order", "common/event", "common/httpclient", "common/idform"},
		"simulator":             {"payment", "payment/webhook", "order", "common/durable", "common/event", "common/idform", "common/strictjson"},
		"common/hooksecret":     {},
		"common/httpclient":     {},
		"common/idform":         {},
		"common/keyset":         {},
		"common/strictjson":     {},
		"identity":              {"common/httpclient", "common/idform", "common/outage"},
		"identity/identitytest": {},
		"sale": {
			"stock", "common/batch", "common/db", "common/event", "common/failpoint", "common/idform", "common/mq", "common/tracing",
		},
		"stock": {
			"common/audit", "common/db", "common/event", "common/failpoint", "common/idform", "common/keyset", "common/mq", "common/sentence",
			"common/tracing",
		},
		"order": {
			"common/audit", "common/batch", "common/db", "common/event", "common/failpoint", "common/idform", "common/mq", "common/tracing",
		},
		"tickets": {"order", "purge", "common/db", "common/event", "common/failpoint"},
		"notify": {
			"order", "tickets", "purge", "common/audit", "common/db", "common/event", "common/failpoint", "common/idform", "common/outage",
		},
		"notify/smtp": {"notify"},
		"notify/sms":  {"notify", "common/hooksecret", "common/httpclient"},
		"doctor": {
			"stock", "order", "payment", "tickets", "notify", "common/audit", "common/event", "common/mq", "common/sentence",
		},
		"backup":                 {"order", "sql", "stock", "tickets", "common/db", "common/durable", "common/event"},
		"archive":                {"stock", "order", "common/durable", "common/outage"},
		"cancellation":           {"stock", "order", "common/mq", "common/outage"},
		"common/audit":           {"common/db"},
		"common/event":           {"common/mq"},
		"common/event/eventtest": {"common/event", "common/mq"},
		"purge":                  {"order"},
		"common/mq":              {"broker/remoting", "common/failpoint", "common/idform", "common/tracing"},
		"common/db":              {"common/failpoint"},
		"common/failpoint":       {},
		"common/db/dbtest":       {"common/db"},
		"stock/stocktest":        {"common/db", "common/db/dbtest", "sql"},
		"common/batch":           {},
		"common/durable":         {},
		"common/officeclock":     {},
		"common/outage":          {},
		"common/sentence":        {},
		"common/tracing":         {},
		"sql":                    {},
		"broker": {
			"broker/internal/commitlog", "broker/internal/store", "broker/internal/transport", "broker/remoting",
		},
		"broker/brokertest":         {"broker", "broker/remoting"},
		"broker/internal/commitlog": {},
		"broker/internal/store":     {"broker/internal/commitlog", "broker/remoting"},
		"broker/internal/transport": {"broker/remoting"},
		"broker/remoting":           {},
		"examples/internal/site":    {"broker", "common/mq"},
		"sim":                       {"sim/office", "sim/world"},
		"sim/office": {
			"archive", "backup", "cancellation", "order", "payment", "sale", "sql", "stock", "tickets", "sim/world",
			"common/audit", "common/db", "common/event", "common/mq", "common/officeclock",
		},
		"sim/world": {"order", "payment", "common/event", "common/mq"},
	}
}

// exampleImports is what of ours an example may import beside what all of them may, because its scene is about it.
func exampleImports() map[string][]string {
	return map[string][]string{}
}

// mayImport is what of ours a package may import; known is false for a package that is not in the picture.
func mayImport(dir string) (allowed []string, known bool) {
	if allowed, known = allowedImports()[dir]; known {
		return allowed, true
	}
	if name, isExample := strings.CutPrefix(dir, "examples/"); isExample && !strings.Contains(name, "/") {
		return append([]string{"broker", "examples/internal/site"}, exampleImports()[dir]...), true
	}
	return nil, false
}

func TestTheTreeKeepsItsRules(t *testing.T) {
	for _, violation := range violations(t, os.DirFS(".")) {
		t.Error(violation)
	}
}

// A check that cannot fail is worse than none, so each rule is shown a file that breaks it.
func TestEachRuleCatchesAPlantedViolation(t *testing.T) {
	long := strings.Repeat("\t_ = 1\n", functionLinesMax)
	for name, planted := range map[string]struct{ file, source, want string }{
		"order imports stock":  {"order/x.go", `package order; import _ "boxoffice/stock"`, "may not import boxoffice/stock"},
		"broker imports ours":  {"broker/x.go", `package broker; import _ "boxoffice/common/mq"`, "may not import boxoffice/common/mq"},
		"mq imports broker":    {"common/mq/x.go", `package mq; import _ "boxoffice/broker"`, "may not import boxoffice/broker"},
		"stock imports broker": {"stock/x.go", `package stock; import _ "boxoffice/broker"`, "may not import boxoffice/broker"},
		"client outside mq":    {"stock/x.go", `package stock; import _ "github.com/apache/rocketmq-client-go/v2"`, "only common/mq"},
		"client in a script":   {"scripts/x/x.go", `package main; import _ "github.com/apache/rocketmq-client-go/v2"`, "only common/mq"},
		"product in a scene":   {"examples/x/main.go", `package main; import _ "boxoffice/stock"`, "may not import boxoffice/stock"},
		"long scene":           {"examples/x/main.go", "package main\n" + strings.Repeat("// Line.\n", exampleLinesMax), "lines long"},
		"parts of a scene":     {"examples/x/y/y.go", `package y`, "not in the picture"},
		"api speaks SQL":       {"api/x.go", `package api; import _ "github.com/jmoiron/sqlx"`, "no SQL"},
		"unknown package":      {"worker/x.go", `package worker`, "not in the picture"},
		"go file in common":    {"common/x.go", `package common`, "not in the picture"},
		"junk drawer":          {"stock/util.go", `package stock`, "says nothing"},
		"long function":        {"stock/x.go", "package stock\nfunc f() {\n" + long + "}", "lines long"},
		"long file":            {"stock/x.go", "package stock\n" + strings.Repeat("// Line.\n", fileLinesMax), "lines long"},
		"long main":            {"main.go", "package main\n" + strings.Repeat("// Line.\n", mainLinesMax), "lines long"},
		"panic":                {"stock/x.go", `package stock; func f() { panic("x") }`, "panic"},
		"exit":                 {"stock/x.go", `package stock; import "os"; func f() { os.Exit(1) }`, "os.Exit"},
		"second main file":     {"config.go", `package main`, "only main.go"},
		"print":                {"stock/x.go", `package stock; import "fmt"; func f() { fmt.Println() }`, "fmt.Println"},
		"sleep":                {"stock/x.go", `package stock; import "time"; func f() { time.Sleep(1) }`, "time.Sleep"},
		"init":                 {"stock/x.go", `package stock; func init() {}`, "init()"},
		"global":               {"stock/x.go", `package stock; var cache = map[string]int{}`, "package variable cache"},
		"stored context":       {"stock/x.go", `package stock; import "context"; type s struct { ctx context.Context }`, "stores a context"},
		"unfinished":           {"stock/x.go", "package stock\n// TO" + "DO later\n", "unfinished"},
		"unfinished in a test": {"stock/x_test.go", "package stock\n// FIX" + "ME later\n", "unfinished"},
		"commented-out code":   {"stock/x.go", "package stock\n// if err != nil {\n", "commented-out"},
		"wide comment":         {"stock/x.go", "package stock\n// " + strings.Repeat("wide ", commentWidthMax/5) + "\n", "columns wide"},
		"not ASCII":            {"stock/x.go", "package stock\n// caf\u00e9\n", "ASCII"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, filepath.FromSlash(planted.file))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(planted.source), 0o600); err != nil {
				t.Fatal(err)
			}
			found := violations(t, os.DirFS(dir))
			if len(found) != 1 || !strings.Contains(found[0], planted.want) {
				t.Errorf("found %q, want one violation with %q", found, planted.want)
			}
		})
	}
}

// violations reads every Go file below root and returns what breaks a rule, as "file:line: what".
func violations(t *testing.T, root fs.FS) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		tree, err := parser.ParseFile(files, name, source, parser.ParseComments)
		if err != nil {
			return err
		}
		c := checker{name: name, source: string(source), tree: tree, files: files}
		c.text()
		if !strings.HasSuffix(name, "_test.go") {
			c.imports()
			c.sizes()
			c.declarations()
			c.calls()
		}
		found = append(found, c.found...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

type checker struct {
	name   string
	source string
	tree   *ast.File
	files  *token.FileSet
	found  []string
}

func (c *checker) report(pos token.Pos, format string, args ...any) {
	where := c.name
	if pos.IsValid() {
		where = c.files.Position(pos).String()
	}
	c.found = append(c.found, where+": "+fmt.Sprintf(format, args...))
}

func (c *checker) text() {
	for i, r := range c.source {
		if r > 127 {
			c.report(c.files.File(c.tree.Pos()).Pos(i), "source is not ASCII")
			break
		}
	}
	code := regexp.MustCompile(`^//\s*((if|for|switch|func) .*\{|\w+(, \w+)* :?= .*\)|(return|defer) .*\))$`)
	unfinished := regexp.MustCompile("TO" + "DO|FIX" + "ME|XX" + "X")
	for _, group := range c.tree.Comments {
		for _, comment := range group.List {
			if unfinished.MatchString(comment.Text) {
				c.report(comment.Pos(), "unfinished work is not committed")
			}
			if code.MatchString(comment.Text) {
				c.report(comment.Pos(), "commented-out code")
			}
			if width := c.commentWidth(comment); width > commentWidthMax {
				c.report(comment.Pos(), "comment %d columns wide, the limit is %d", width, commentWidthMax)
			}
		}
	}
}

// commentWidth is up to which column a comment reaches that has a line of its own, and 0 for one behind code, where the line's
// limit holds.
func (c *checker) commentWidth(comment *ast.Comment) int {
	at := c.files.Position(comment.Pos())
	indent := c.source[at.Offset-at.Column+1 : at.Offset]
	if strings.Trim(indent, "\t") != "" || strings.HasPrefix(comment.Text, "/*") {
		return 0
	}
	return tabWidth*len(indent) + len(comment.Text)
}

func (c *checker) imports() {
	dir := strings.TrimPrefix(path.Dir(c.name), ".")
	allowed, known := mayImport(dir)
	script := strings.HasPrefix(dir, "scripts/")
	if dir == "" && c.name != "main.go" {
		c.report(token.NoPos, "only main.go is at the root")
	}
	if !known && !script {
		c.report(token.NoPos, "package %q is not in the picture", dir)
	}
	if junk := regexp.MustCompile(`(^|[/_])(utils?|helpers?|managers?|models?|types|misc)(_|/|\.go$)`); junk.MatchString(c.name) {
		c.report(token.NoPos, "the name says nothing about what is in it")
	}
	for _, spec := range c.tree.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		ours, isOurs := strings.CutPrefix(imported, module+"/")
		switch {
		case isOurs && !script && !slices.Contains(allowed, ours):
			c.report(spec.Pos(), "package %q may not import %s", dir, imported)
		case strings.HasPrefix(imported, rocketmqClient) && dir != "common/mq" && !strings.HasPrefix(dir, "examples/"):
			c.report(spec.Pos(), "only common/mq and the examples import the RocketMQ client")
		case dir == "api" && (strings.HasSuffix(imported, "/sqlx") || imported == "database/sql"):
			c.report(spec.Pos(), "the api package speaks no SQL")
		}
	}
}

func (c *checker) sizes() {
	limit := fileLinesMax
	switch {
	case c.name == "main.go":
		limit = mainLinesMax
	case strings.HasPrefix(c.name, "examples/") && path.Base(c.name) == "main.go":
		limit = exampleLinesMax
	}
	if lines := strings.Count(c.source, "\n") + 1; lines > limit+1 || (lines > limit && !strings.HasSuffix(c.source, "\n")) {
		c.report(token.NoPos, "file is %d lines long, the limit is %d", lines, limit)
	}
	for _, declaration := range c.tree.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok {
			if lines := c.line(f.End()) - c.line(f.Pos()) + 1; lines > functionLinesMax {
				c.report(f.Pos(), "function %s is %d lines long, the limit is %d", f.Name.Name, lines, functionLinesMax)
			}
		}
	}
}

func (c *checker) line(pos token.Pos) int { return c.files.Position(pos).Line }

func (c *checker) declarations() {
	for _, declaration := range c.tree.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == "init" && d.Recv == nil {
				c.report(d.Pos(), "init() runs behind the reader's back")
			}
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				c.variables(d)
			}
		}
	}
	ast.Inspect(c.tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				if selector(field.Type) == "context.Context" && c.name != "common/batch/batch.go" {
					c.report(field.Pos(), "struct stores a context")
				}
			}
		}
		return true
	})
}

// variables lets pass what cannot change or is the language's own way: sentinel errors, embedded files, interface checks,
// options of the JSON library. The RocketMQ client's globals are set under the one sync.Once of common/mq.
func (c *checker) variables(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		value := spec.(*ast.ValueSpec)
		name := value.Names[0].Name
		constant := name == "_" || selector(value.Type) == "embed.FS" ||
			(selector(value.Type) == "sync.Once" && strings.HasPrefix(c.name, "common/mq/"))
		if len(value.Values) == 1 {
			if call, ok := value.Values[0].(*ast.CallExpr); ok {
				constant = constant || slices.Contains([]string{"errors.New", "fmt.Errorf", "json.WithUnmarshalers"}, selector(call.Fun))
			}
		}
		if !constant {
			c.report(value.Pos(), "package variable %s can change", name)
		}
	}
}

func (c *checker) calls() {
	banned := map[string]string{
		"panic": "return an error", "os.Exit": "return an error", "log.Fatal": "return an error", "log.Fatalf": "return an error",
		"fmt.Print": "write to the io.Writer given", "fmt.Println": "write to the io.Writer given",
		"fmt.Printf": "write to the io.Writer given", "time.Sleep": "wait for a channel, a timer or ctx",
	}
	ast.Inspect(c.tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := selector(call.Fun)
		instead, isBanned := banned[name]
		if isBanned && (name != "os.Exit" || path.Base(c.name) != "main.go") {
			c.report(call.Pos(), "%s is banned: %s", name, instead)
		}
		return true
	})
}

// selector prints x or x.y, and nothing for other expressions.
func selector(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return x.Name + "." + e.Sel.Name
		}
	}
	return ""
}

// levelsMax is how many levels a package's files may stand on.
const levelsMax = 5

// layered are the folders whose files use only files below them, so that a reader can begin at the bottom or at the top: all
// that have Go files beside their tests.
func layered(t *testing.T, root fs.FS) []string {
	t.Helper()
	var folders []string
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		names, err := fs.Glob(root, path.Join(name, "*.go"))
		isProduct := func(name string) bool { return !strings.HasSuffix(name, "_test.go") }
		if slices.ContainsFunc(names, isProduct) {
			folders = append(folders, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// misplaced says of a folder what keeps its files from standing above each other, on few levels; nil is nothing.
func misplaced(t *testing.T, root fs.FS, dir string) error {
	t.Helper()
	levels, err := levelsOf(fileUses(t, root, dir))
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if len(levels) > levelsMax {
		return fmt.Errorf("%s: its files stand on %d levels, the limit is %d: %q", dir, len(levels), levelsMax, levels)
	}
	return nil
}

func TestFilesUseOnlyWhatStandsBelowThem(t *testing.T) {
	root := os.DirFS(".")
	for _, dir := range layered(t, root) {
		if err := misplaced(t, root, dir); err != nil {
			t.Error(err)
		}
	}
}

// The folders were a list kept by hand, and two drills and the tests' databases, which nobody had put on it, had cycles.
func TestEveryFolderWithGoFilesIsLayered(t *testing.T) {
	tree := fstest.MapFS{}
	for _, file := range []string{
		"main.go", "a/a.go", "a/b/c/d.go", "a/b/only_test.go", "a/testdata/t.go", ".git/g.go", "web/index.html",
	} {
		tree[file] = &fstest.MapFile{}
	}
	if got, want := layered(t, tree), []string{".", "a", "a/b/c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestACycleOfFilesIsFound(t *testing.T) {
	for name, planted := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":      {map[string]string{"a.go": `package p; func f() { g() }`, "b.go": `package p; func g() {}`}, "<nil>"},
		"functions": {map[string]string{"a.go": `package p; func f() { g() }`, "b.go": `package p; func g() { f() }`}, "p: a -> b -> a"},
		"method": {map[string]string{"a.go": `package p; type t struct{}; func f(x t) { x.m() }`,
			"b.go": `package p; func (t) m() {}`}, "p: a -> b -> a"},
		"field": {map[string]string{"a.go": `package p; type t struct{ n int }; func f() { g() }`,
			"b.go": `package p; func g() { new(t).n++ }`}, "p: a -> b -> a"},
		"imported": {map[string]string{"a.go": `package p; import "io"; type t struct{ io.Writer }`,
			"b.go": `package p; import "os"; func g() { _ = t{os.Stdout} }`}, "<nil>"},
		"levels": {map[string]string{"a.go": `package p; func a() { b() }`, "b.go": `package p; func b() { c() }`,
			"c.go": `package p; func c() { d() }`, "d.go": `package p; func d() { e() }`, "e.go": `package p; func e() { f() }`,
			"f.go": `package p; func f() {}`}, `p: its files stand on 6 levels, the limit is 5: [["f"] ["e"] ["d"] ["c"] ["b"] ["a"]]`},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for file, source := range planted.files {
				tree["p/"+file] = &fstest.MapFile{Data: []byte(source)}
			}
			if got := fmt.Sprint(misplaced(t, tree, "p")); got != planted.want {
				t.Errorf("got %q, want %q", got, planted.want)
			}
		})
	}
}

// noImports lets a package be checked without what it imports: what it uses of its own is known all the same.
type noImports struct{}

func (noImports) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

// fileUses says which files of a package use what which others of them declare, all without .go.
func fileUses(t *testing.T, root fs.FS, dir string) map[string]map[string]bool {
	t.Helper()
	names, err := fs.Glob(root, path.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	uses := map[string]map[string]bool{}
	var trees []*ast.File
	fileOf := func(pos token.Pos) string { return strings.TrimSuffix(path.Base(files.Position(pos).Filename), ".go") }
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		trees = append(trees, tree)
		uses[fileOf(tree.Pos())] = map[string]bool{}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImports{}, Error: func(error) {}} // of what is imported
	checked, _ := config.Check(dir, files, trees, info)
	for name, object := range info.Uses {
		field, isVar := object.(*types.Var)
		isField := isVar && field.IsField()
		_, isMethod := object.(*types.Func)
		if object.Pkg() != checked || object.Parent() != checked.Scope() && !isField && !isMethod {
			continue
		}
		if user, used := fileOf(name.Pos()), fileOf(object.Pos()); user != used {
			uses[user][used] = true
		}
	}
	return uses
}

// levelsOf puts each file one level above the highest file that it uses, the lowest level first. A cycle is an error that
// shows it.
func levelsOf(uses map[string]map[string]bool) (levels [][]string, err error) {
	level := map[string]int{}
	var climb func(file string, from []string) (int, error)
	climb = func(file string, from []string) (int, error) {
		if at := slices.Index(from, file); at >= 0 {
			return 0, errors.New(strings.Join(append(from[at:], file), " -> "))
		}
		if known, done := level[file]; done {
			return known, nil
		}
		height := 0
		for _, used := range slices.Sorted(maps.Keys(uses[file])) {
			below, err := climb(used, append(slices.Clone(from), file))
			if err != nil {
				return 0, err
			}
			height = max(height, below+1)
		}
		level[file] = height
		return height, nil
	}
	for _, file := range slices.Sorted(maps.Keys(uses)) {
		height, err := climb(file, nil)
		if err != nil {
			return nil, err
		}
		for len(levels) <= height {
			levels = append(levels, nil)
		}
		levels[height] = append(levels[height], file)
	}
	return levels, nil
}

// pictureOf draws the packages, what of ours each imports, and below those of several files these from the top to the bottom.
func pictureOf(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	allowed := allowedImports()
	for _, dir := range slices.Sorted(maps.Keys(allowed)) {
		imports := slices.Sorted(slices.Values(allowed[dir]))
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("%-24s %s", cmp.Or(dir, "main"), strings.Join(imports, " ")), " "))
		uses := fileUses(t, os.DirFS("."), dir)
		if len(uses) < 2 {
			continue
		}
		levels, err := levelsOf(uses)
		if err != nil {
			t.Fatal(err)
		}
		for _, files := range slices.Backward(levels) {
			fmt.Fprintln(&b, "    "+strings.Join(files, " "))
		}
	}
	return b.String()
}

// ARCHITECTURE.md shows the picture as it is.
func TestThePictureIsShown(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	want := "```text\n" + pictureOf(t) + "```\n"
	if !strings.Contains(string(text), want) {
		t.Errorf("ARCHITECTURE.md lacks the picture of the packages as they are:\n%s", want)
	}
}

// Every package and every import of the picture exists: a line that outlives its use would let another one slip in.
func TestThePictureNamesNothingThatIsGone(t *testing.T) {
	listed := allowedImports()
	maps.Copy(listed, exampleImports())
	for dir, allowed := range listed {
		files, err := filepath.Glob(filepath.Join(".", filepath.FromSlash(dir), "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no Go file, %v", dir, err)
		}
		used := map[string]bool{}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range tree.Imports {
				imported, _ := strconv.Unquote(spec.Path.Value)
				used[strings.TrimPrefix(imported, module+"/")] = true
			}
		}
		for _, name := range allowed {
			if !used[name] {
				t.Errorf("%s does not import %s", cmp.Or(dir, "main"), name)
			}
		}
	}
}

// The README named a test that had got another name: what the documents call a proof was nowhere.
func TestDocumentsNameWhatExists(t *testing.T) {
	tests := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		source, err := os.ReadFile(file)
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
			tests[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`\n]+)`")
	for _, document := range []string{
		"README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "BENCHMARKS.md", "docker/README.md",
		"docker/kubernetes/README.md", "docs/production.md",
	} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range quoted.FindAllSubmatch(text, -1) {
			name := string(match[1])
			switch begin, isPrefix := strings.CutSuffix(name, "..."); {
			case regexp.MustCompile(`^Test\w+$`).MatchString(begin):
				exists := func(test string) bool { return test == name || isPrefix && strings.HasPrefix(test, begin) }
				if !slices.ContainsFunc(slices.Collect(maps.Keys(tests)), exists) {
					t.Errorf("%s: there is no test %s", document, name)
				}
			case regexp.MustCompile(`^\w[\w/]*\.(go|md|yaml)$`).MatchString(name):
				if !isThere(name) && !isThere(filepath.Join(filepath.Dir(document), name)) {
					t.Errorf("%s: there is no file %s", document, name)
				}
			}
		}
	}
}

func isThere(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
