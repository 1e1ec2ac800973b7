package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"boxoffice/inquiry"
	"boxoffice/payment"
)

// sources are the parts of the office whose codes the console shows.
func sources(t *testing.T) (trees []*ast.File) {
	t.Helper()
	for _, dir := range []string{".", "../app", "../common/audit", "../doctor", "../inquiry", "../notify", "../order", "../payment", "../stock"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatal(dir, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			trees = append(trees, tree)
		}
	}
	return trees
}

// literal is a text as it stands in a source, also one in parts.
func literal(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, first := literal(e.X)
		right, second := literal(e.Y)
		return left + right, first && second
	}
	return "", false
}

func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return named(e.X) + "." + e.Sel.Name
	}
	return ""
}

// saidIn finds the sentences: their codes, with their English.
func saidIn(t *testing.T, trees []*ast.File) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, tree := range trees {
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || named(call.Fun) != "sentence.New" {
				return true
			}
			code, known := literal(call.Args[0])
			english, written := literal(call.Args[1])
			if !known || !written {
				t.Errorf("a sentence of %s (%q) is not written out where it is made", tree.Name, code)
			}
			if before, twice := found[code]; twice && before != english {
				t.Errorf("%s says %q and %q", code, before, english)
			}
			found[code] = english
			return true
		})
	}
	return found
}

// constantsOf finds the values of the constants of a type, or, without one, of exported ones without a type in one source.
func constantsOf(trees []*ast.File, pkg, of string) (values []string) {
	for _, tree := range trees {
		if tree.Name.Name != pkg {
			continue
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if ok && named(spec.Type) == of && len(spec.Values) == 1 && (of != "" || spec.Names[0].IsExported()) {
				if value, ok := literal(spec.Values[0]); ok {
					values = append(values, value)
				}
			}
			return true
		})
	}
	return values
}

// actsIn finds the acts of operators that are recorded, and the fields that they change.
func actsIn(trees []*ast.File) (acts, fields []string) {
	add := func(list *[]string, e ast.Expr) {
		if text, ok := literal(e); ok {
			*list = append(*list, text)
		}
	}
	keys := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if pair, ok := n.(*ast.KeyValueExpr); ok {
				add(&fields, pair.Key)
			}
			return true
		})
	}
	for _, tree := range trees {
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				switch named(n.Key) {
				case "What":
					add(&acts, n.Value)
				case "Before", "After":
					keys(n.Value)
				}
			case *ast.AssignStmt:
				if strings.HasSuffix(named(n.Lhs[0]), ".What") {
					add(&acts, n.Rhs[0])
				}
			case *ast.ValueSpec:
				if isAct := regexp.MustCompile(`^([aA]ct[A-Z]|MendOne$)`).MatchString(n.Names[0].Name); isAct && len(n.Values) == 1 {
					add(&acts, n.Values[0])
				}
			case *ast.CallExpr:
				if strings.HasSuffix(named(n.Fun), "s.act") {
					for _, argument := range n.Args {
						add(&acts, argument)
					}
				}
			case *ast.FuncDecl:
				if n.Name.Name == "fields" && tree.Name.Name == "stock" {
					keys(n)
				}
			}
			return true
		})
	}
	return acts, fields
}

// Whatever the server can say, the console says in both languages: a Chinese console showed findings and timelines in English.
// A code that comes new to the server, or goes, fails here.
func TestEveryCodeHasWordsInBothLanguages(t *testing.T) {
	trees := sources(t)
	said := saidIn(t, trees)
	acts, fields := actsIn(trees)
	whats := slices.DeleteFunc(constantsOf(trees, "inquiry", ""), func(s string) bool { return !regexp.MustCompile(`^[a-z_]+$`).MatchString(s) })
	results := slices.DeleteFunc(constantsOf(trees, "order", "PaymentResult"), func(s string) bool { return s == "duplicate" }) // none is kept
	var statuses []string
	for _, status := range inquiry.Statuses() {
		statuses = append(statuses, string(status))
	}
	for group, codes := range map[string][]string{
		"said": slices.Collect(maps.Keys(said)), "finding": constantsOf(trees, "doctor", "Kind"), "event": whats, "act": acts, "field": fields,
		"orderstate": statuses, "cause": constantsOf(trees, "order", "CancelReason"), "refundstate": payment.RefundStates(),
		"why": constantsOf(trees, "order", "RefundReason"), "money": append(results, resultReused),
		"mail": constantsOf(trees, "notify", "Kind"), "mailstate": constantsOf(trees, "notify", "State"),
		"attempt": constantsOf(trees, "payment", "AttemptState"), "place": constantsOf(trees, "stock", "ReservationState"),
	} {
		if len(codes) < 3 {
			t.Errorf("%s: only %v were found: has the code another form?", group, codes)
		}
		for _, language := range languages() {
			texts := catalogue(t, language)
			for _, code := range codes {
				if len(texts[group+"."+code]) == 0 {
					t.Errorf("%s lacks %s.%s", language, group, code)
				}
			}
			for key := range texts {
				if code, of := strings.CutPrefix(key, group+"."); of && group != "field" && !slices.Contains(codes, code) {
					t.Errorf("%s has %s, which the server never says", language, key)
				}
			}
		}
	}
	han := regexp.MustCompile(`\p{Han}`)
	apiField := regexp.MustCompile(`^[a-z_.]+( and [a-z_]+)? must |beside note`) // a program reads its own name, a person the form's
	for code, text := range said {
		english := catalogue(t, english)["said."+code]
		switch {
		case len(english) != 1:
			t.Errorf("in English %s is %q", code, english)
		case !apiField.MatchString(text) && english[0] != text:
			t.Errorf("in English %s is %q, and the server says %q", code, english, text)
		case apiField.MatchString(text) && (apiField.MatchString(english[0]) || strings.Contains(english[0], "_")):
			t.Errorf("on the English page %s names a field of the API: %q", code, english)
		}
		if chinese := catalogue(t, chinese)["said."+code]; len(chinese) != 1 || !han.MatchString(chinese[0]) {
			t.Errorf("in Chinese %s is %q", code, chinese)
		}
	}
}
