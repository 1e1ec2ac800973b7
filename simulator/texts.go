package simulator

import (
	"embed"
	"encoding/json"
	"fmt"

	"golang.org/x/text/language"

	"boxoffice/common/event"
)

//go:embed web
var files embed.FS

const (
	english = "en"
	chinese = "zh"
)

// readTexts reads the texts of the pages, by language and name.
func readTexts() (texts map[string]map[string]string, err error) {
	raw, err := files.ReadFile("web/texts.json")
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	if err := json.Unmarshal(raw, &texts); err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	return texts, nil
}

// languageOf chooses the language that a browser prefers; English if it names neither.
func languageOf(acceptLanguage string) string {
	names := []string{english, chinese}
	_, index := language.MatchStrings(language.NewMatcher([]language.Tag{language.English, language.Chinese}), acceptLanguage)
	return names[index]
}

// formatMoney writes a sum for people: 98.00 CNY.
func formatMoney(minor int64, currency string) string {
	digits, _ := event.MinorDigits(currency)
	if digits == 0 {
		return fmt.Sprintf("%d %s", minor, currency)
	}
	text := fmt.Sprintf("%0*d", digits+1, minor)
	return text[:len(text)-digits] + "." + text[len(text)-digits:] + " " + currency
}
