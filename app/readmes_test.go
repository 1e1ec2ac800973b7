package app

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readmeParts is what two READMEs have in common whose words are of two languages.
type readmeParts struct {
	headings []string // their levels, in order
	code     []string // blocks, byte for byte
	tables   []string // what rows are about: their first cell as far as it is code
	items    []string // of lists, their level
	links    []string // their targets, in the order of the text
	settings []string // names in code that mean the same in any language
}

func readmePartsOf(t *testing.T, name string) readmeParts {
	t.Helper()
	read, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	var p readmeParts
	block := regexp.MustCompile("(?ms)^```.*?^```$")
	p.code = block.FindAllString(string(read), -1)
	text := block.ReplaceAllString(string(read), "")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		level, _, isHeading := strings.Cut(line, " ")
		switch {
		case isHeading && strings.Trim(level, "#") == "" && level != "":
			p.headings = append(p.headings, level)
		case strings.HasPrefix(line, "|"):
			p.tables = append(p.tables, strings.Join(regexp.MustCompile("`[^`]+`").FindAllString(strings.SplitN(line, "|", 3)[1], -1), " "))
		case strings.HasPrefix(line, "- "):
			p.items = append(p.items, "-")
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		target := link[1]
		if strings.HasPrefix(target, "#") {
			target = "#" // headings have other names
		}
		if !strings.HasPrefix(target, "README") { // each leads to the other
			p.links = append(p.links, target)
		}
	}
	p.settings = regexp.MustCompile("`[^`]*`").FindAllString(text, -1)
	slices.Sort(p.links) // sentences of two languages name things in another order
	slices.Sort(p.settings)
	return p
}

// Of two READMEs one tells the truth and the other what was true. Whoever changes one has to change both.
func TestTheReadmesSayTheSame(t *testing.T) {
	english, chinese := readmePartsOf(t, "README.md"), readmePartsOf(t, "README.zh-CN.md")
	for what, both := range map[string][2][]string{
		"headings": {english.headings, chinese.headings}, "blocks of code": {english.code, chinese.code},
		"rows of tables": {english.tables, chinese.tables}, "items of lists": {english.items, chinese.items},
		"links": {english.links, chinese.links}, "names in code": {english.settings, chinese.settings},
	} {
		for i := range max(len(both[0]), len(both[1])) {
			if i >= len(both[0]) || i >= len(both[1]) || both[0][i] != both[1][i] {
				t.Errorf("%s: README.md has %d, README.zh-CN.md %d; number %d differs: %q, %q",
					what, len(both[0]), len(both[1]), i+1, at(both[0], i), at(both[1], i))
				break
			}
		}
	}
}

func at(texts []string, i int) string {
	if i >= len(texts) {
		return "none"
	}
	return texts[i]
}

// A link to a heading names it as the page of the repository does.
func TestLinksOfTheReadmesLeadSomewhere(t *testing.T) {
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		read, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		anchors := map[string]bool{}
		for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(read), -1) {
			anchors[strings.ReplaceAll(strings.ToLower(strings.NewReplacer(",", "", ".", "").Replace(heading[1])), " ", "-")] = true
		}
		for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(read), -1) {
			file, anchor, hasAnchor := strings.Cut(link[1], "#")
			switch {
			case strings.Contains(file, "://"):
			case file != "":
				if _, err := os.Stat(filepath.Join("..", file)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case hasAnchor && !anchors[anchor]:
				t.Errorf("%s: no heading %q", name, anchor)
			}
		}
	}
}
