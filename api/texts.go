package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

const (
	english        = "en"
	chinese        = "zh"
	languageCookie = "language"                // of the switch in the page, which api/web/i18n.js writes
	pageVary       = "Accept-Language, Cookie" // by which the language of a page is chosen
)

// languages lists the languages of the pages. The first is for whoever asks for none of them.
func languages() []string { return []string{english, chinese} }

// pageTexts has what the pages say, by language and key. The scripts have the same texts, as the
// modules catalogues.js and admin_catalogues.js.
type pageTexts struct {
	catalogues map[string]map[string]json.RawMessage
	matcher    language.Matcher
	problems   map[string]problemWords // in Chinese, by code; the English ones are in the table of problems
}

// problemWords are the title and detail of a problem.
type problemWords struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

func readPageTexts() (*pageTexts, error) {
	texts := &pageTexts{catalogues: map[string]map[string]json.RawMessage{}}
	var tags []language.Tag
	for _, name := range languages() {
		var catalogue map[string]json.RawMessage
		if err := readWebJSON(name+".json", &catalogue); err != nil {
			return nil, err
		}
		texts.catalogues[name] = catalogue
		tags = append(tags, language.Make(name))
	}
	texts.matcher = language.NewMatcher(tags)
	return texts, readWebJSON("problems.zh.json", &texts.problems)
}

func readWebJSON(name string, into any) error {
	raw, err := files.ReadFile("web/" + name)
	if err != nil {
		return fmt.Errorf("read texts: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read texts of %s: %w", name, err)
	}
	return nil
}

// module returns the catalogues without the console's texts, and what problems say in languages other than that of the API, as
// a script.
func (p *pageTexts) module() ([]byte, error) {
	encoded, err := json.Marshal(p.chosen(func(key string) bool { return !isOfConsole(key) }))
	if err != nil {
		return nil, fmt.Errorf("encode texts: %w", err)
	}
	problems, err := json.Marshal(map[string]map[string]problemWords{chinese: p.problems})
	if err != nil {
		return nil, fmt.Errorf("encode texts of problems: %w", err)
	}
	return fmt.Appendf(nil, "export const catalogues = %s;\nexport const problems = %s;\n", encoded, problems), nil
}

// consoleModule returns a script that adds the texts to the catalogues which the operators' console alone shows: two thirds of
// all, which no buyer's phone should have to load.
func (p *pageTexts) consoleModule() ([]byte, error) {
	encoded, err := json.Marshal(p.chosen(isOfConsole))
	if err != nil {
		return nil, fmt.Errorf("encode texts of the console: %w", err)
	}
	return fmt.Appendf(nil, "import { catalogues } from \"./catalogues.js\";\n\nconst more = %s;\n"+
		"for (const language of Object.keys(more)) Object.assign(catalogues[language], more[language]);\n", encoded), nil
}

func (p *pageTexts) chosen(is func(key string) bool) map[string]map[string]json.RawMessage {
	chosen := map[string]map[string]json.RawMessage{}
	for language, catalogue := range p.catalogues {
		chosen[language] = maps.Clone(catalogue)
		maps.DeleteFunc(chosen[language], func(key string, _ json.RawMessage) bool { return !is(key) })
	}
	return chosen
}

// isOfConsole tells whether a text is one that only the console shows, which is said by the group that its key begins with.
func isOfConsole(key string) bool {
	group, _, _ := strings.Cut(key, ".")
	switch group {
	case "act", "admin", "attempt", "cause", "event", "field", "find", "finding", "ledger", "money", "orderstate", "said", "why":
		return true
	}
	return false
}

// text returns a text that has one form, with the values of its places: the name of each, and what stands there. A key that
// does not exist is returned as it is; a test looks for such keys.
func (p *pageTexts) text(language, key string, values ...string) string {
	form := key
	_ = json.Unmarshal(p.catalogues[language][key], &form) // it stays the key
	for i := 0; i+1 < len(values); i += 2 {
		form = strings.ReplaceAll(form, "{"+values[i]+"}", values[i+1])
	}
	return form
}

// problem returns the words of a problem in a language; in English where it has no others.
func (p *pageTexts) problem(row *problem, language string) problemWords {
	if words, translated := p.problems[row.code]; language == chinese && translated {
		return words
	}
	return problemWords{row.title, row.detail}
}

// languageOf chooses the language for a browser: that of the switch, or else the one that it likes best.
func (p *pageTexts) languageOf(r *http.Request) string {
	if kept, err := r.Cookie(languageCookie); err == nil && p.catalogues[kept.Value] != nil {
		return kept.Value
	}
	_, index := language.MatchStrings(p.matcher, r.Header.Get("Accept-Language"))
	return languages()[index]
}

// htmlLanguage is a language as the attribute lang has it, by which a browser chooses letters and voices.
func htmlLanguage(language string) string {
	if language == chinese {
		return "zh-CN"
	}
	return language
}
