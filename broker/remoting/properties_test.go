package remoting

import (
	"maps"
	"strings"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"pgregory.net/rapid"
)

func TestProperties(t *testing.T) {
	const wire = "TAGS\x01a\x02\x02KEYS\x01k1 k2\x02none\x02\x01value\x02empty\x01\x02TAGS\x01b=\x01c\x02last\x01x"
	want := map[string]string{"TAGS": "b=\x01c", "KEYS": "k1 k2", "last": "x"}
	if got := ParseProperties(wire); !maps.Equal(got, want) {
		t.Errorf("ParseProperties = %q", got)
	}
	for _, key := range []string{"TAGS", "KEYS", "last", "none", "empty", "", "TAG", "value"} {
		if got, ok := Property(wire, key); got != want[key] || ok != (want[key] != "") {
			t.Errorf("Property(%q) = %q, %v", key, got, ok)
		}
	}
	if got := removeProperty("a\x011\x02b\x012\x02a\x013\x02", "a"); got != "b\x012\x02" {
		t.Errorf("removeProperty = %q", got)
	}
	if got := SetProperty("a\x011\x02b\x012", "a", "3"); got != "b\x012\x02a\x013\x02" {
		t.Errorf("SetProperty = %q", got)
	}
	if got := SetProperty("a\x011\x02", "a", ""); got != "" {
		t.Errorf("SetProperty to nothing = %q", got)
	}
}

// A topic from outside goes into REAL_TOPIC: it must not add a property.
func TestSetPropertyCannotBeInjected(t *testing.T) {
	got := ParseProperties(SetProperty("", PropertyRealTopic, "t\x02TRAN_MSG\x01true"))
	if want := map[string]string{PropertyRealTopic: "tTRAN_MSGtrue"}; !maps.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestPropertiesAgree(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune("ab\x01\x02")))
	rapid.Check(t, func(t *rapid.T) {
		wire, key, value := text.Draw(t, "wire"), text.Draw(t, "key"), text.Draw(t, "value")
		parsed := ParseProperties(wire)
		if got, ok := Property(wire, key); got != parsed[key] || ok != (got != "") {
			t.Fatalf("Property(%q, %q) = %q, %v", wire, key, got, ok)
		}
		clean := func(s string) string { return strings.NewReplacer("\x01", "", "\x02", "").Replace(s) }
		key, value = clean(key), clean(value)
		set := maps.Clone(parsed)
		delete(set, key)
		if got := ParseProperties(removeProperty(wire, key)); !maps.Equal(got, set) {
			t.Fatalf("removeProperty(%q, %q): %q", wire, key, got)
		}
		if key != "" && value != "" {
			set[key] = value
		}
		if got := ParseProperties(SetProperty(wire, key, value)); !maps.Equal(got, set) {
			t.Fatalf("SetProperty(%q, %q, %q): %q", wire, key, value, got)
		}
	})
}

func TestPropertiesRoundTripThroughTheClient(t *testing.T) {
	text := rapid.StringMatching("[a-z\u7968]{1,5}")
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(text, text).Draw(t, "properties")
		wire := ""
		for key, value := range want {
			wire = SetProperty(wire, key, value)
		}
		if got := ParseProperties(wire); !maps.Equal(got, want) {
			t.Fatalf("got %q", got)
		}
		var m primitive.Message
		m.UnmarshalProperties([]byte(wire))
		if got := m.GetProperties(); !maps.Equal(got, want) {
			t.Fatalf("client read %q", got)
		}
	})
}

func TestPropertyDoesNotAllocate(t *testing.T) {
	const wire = "A\x011\x02TAGS\x01vip\x02Z\x012\x02"
	if n := testing.AllocsPerRun(100, func() {
		if got, _ := Property(wire, PropertyTags); got != "vip" {
			t.Error(got)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
