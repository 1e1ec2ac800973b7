// Package sentence lets a part of the office tell people something: in English, and by a code with values, from which a page
// makes the same sentence in its own language.
package sentence

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Sentence is something that is told. The zero value tells nothing.
type Sentence struct {
	Code   string         `json:"code"` // stable, in words_like_these; the English may change
	Values map[string]any `json:"values"`

	english string
}

// Amount is money as a value, in minor units.
type Amount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// String writes an amount in minor units.
func (a Amount) String() string { return fmt.Sprintf("%d %s", a.Amount, a.Currency) }

// Word is a value that is itself a code, such as a state: whoever shows it knows the words of its kind.
type Word struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// String is the code.
func (w Word) String() string { return w.Value }

// New makes a sentence. In its English {name} stands for a value; names and values take turns after it. A value is a string,
// an integer, an Amount, a Word, a time.Time or a time.Duration.
func New(code, english string, namesAndValues ...any) Sentence {
	s := Sentence{Code: code, Values: map[string]any{}, english: english}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		s.Values[fmt.Sprint(namesAndValues[i])] = namesAndValues[i+1]
	}
	return s
}

// String is the sentence in English. What a value holds is never taken for a place.
func (s Sentence) String() string {
	var places []string
	for name, value := range s.Values {
		text := fmt.Sprint(value)
		if t, ok := value.(time.Time); ok {
			text = t.UTC().Format(time.RFC3339)
		}
		places = append(places, "{"+name+"}", text)
	}
	return strings.NewReplacer(places...).Replace(s.english)
}

// MarshalJSON writes a time as {"time"}, and a duration as {"milliseconds"}.
func (s Sentence) MarshalJSON() ([]byte, error) {
	values := map[string]any{}
	for name, value := range s.Values {
		switch v := value.(type) {
		case time.Time:
			value = map[string]string{"time": v.UTC().Format("2006-01-02T15:04:05.000Z")}
		case time.Duration:
			value = map[string]int64{"milliseconds": v.Milliseconds()}
		}
		values[name] = value
	}
	return json.Marshal(struct {
		Code   string         `json:"code"`
		Values map[string]any `json:"values"`
	}{s.Code, values})
}

// Join is several sentences in English, as one.
func Join(sentences []Sentence) string {
	texts := make([]string, len(sentences))
	for i, s := range sentences {
		texts[i] = s.String()
	}
	return strings.Join(texts, "; ")
}
