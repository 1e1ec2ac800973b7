package strictjson

import (
	"bytes"
	"encoding/json"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// fuzzed has a field of each kind that requests have.
type fuzzed struct {
	Text   string            `json:"text"`
	Number int64             `json:"number"`
	Yes    bool              `json:"yes"`
	At     time.Time         `json:"at"`
	List   []string          `json:"list"`
	Names  map[string]string `json:"names"`
	Inner  struct {
		Number int64 `json:"number"`
	} `json:"inner"`
}

// FuzzUnmarshal: what is read here has no null and no name twice, and encoding/json reads the same out of it. What is not is
// described in a sentence.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a","number":37.0,"yes":true,"at":"2026-01-02T15:04:05.000Z","list":["a"],"names":{"en":"x"},"inner":{"number":-3.7e1}}`,
		`{"text":null}`, `{"TEXT":"a"}`, `{"text":"a","text":"b"}`, `{"other":1}`, `{"number":1e999999999}`, `{"at":"2026-01-02"}`, ``, `[]`,
		`{"number":9223372036854775808}`, `{}{}`, `{"text":"\ud800"}`, "{\"text\":\"\xff\"}", `{"names":{"a":"1","a":"2"}}`, "\ufeff{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got, known fuzzed
		if err := Unmarshal(raw, &got); err != nil {
			if said := Describe(err); said == "" || len(said) > 320 || !utf8.ValidString(said) || !strings.HasSuffix(said, ".") {
				t.Errorf("%q: %q", raw, said)
			}
			return
		}
		if err := UnmarshalKnown(raw, &known); err != nil || !reflect.DeepEqual(got, known) {
			t.Errorf("%q: %+v, and with unknown fields %+v, %v", raw, got, known, err)
		}
		checkAgainst(t, raw, got)
	})
}

// checkAgainst holds what was read against encoding/json.
func checkAgainst(t *testing.T, raw []byte, got fuzzed) {
	t.Helper()
	var other struct {
		fuzzed
		Number json.Number `json:"number"`
		Inner  struct {
			Number json.Number `json:"number"`
		} `json:"inner"`
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&other); err != nil {
		t.Errorf("only ours takes %q: %v", raw, err)
		return
	}
	for text, n := range map[json.Number]int64{other.Number: got.Number, other.Inner.Number: got.Inner.Number} {
		if exact, ok := new(big.Rat).SetString(string(text)); text != "" && (!ok || exact.Cmp(new(big.Rat).SetInt64(n)) != 0) {
			t.Errorf("%s was read as %d", text, n)
		}
	}
	same := other.fuzzed
	same.Number, same.Inner.Number = got.Number, got.Inner.Number
	if !same.At.Equal(got.At) {
		t.Errorf("%q: time %v, encoding/json %v", raw, got.At, same.At)
	}
	same.At = got.At
	if !reflect.DeepEqual(same, got) {
		t.Errorf("%q: %+v, encoding/json %+v", raw, got, same)
	}
}
