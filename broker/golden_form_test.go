package broker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"boxoffice/broker/remoting"
)

// golden is the form of a frame that a broker sent: what changes from run to
// run stands in it as a placeholder that names its kind.
type golden struct {
	Code     int               `json:"code"`
	Flag     int               `json:"flag"`
	Language string            `json:"language"`
	Version  int               `json:"version"`
	Remark   string            `json:"remark"` // nothing, the NAME of a status, or <text>
	Ext      map[string]string `json:"ext"`
	Body     any               `json:"body"` // null, JSON, or a list of messages
}

// placeholders replaces what a run has made up.
type placeholders struct {
	names map[string]string // whole values
	parts *strings.Replacer // inside values
}

func (p placeholders) text(value string) string {
	if name, ok := p.names[value]; ok {
		return name
	}
	for _, kind := range []struct{ name, form string }{
		{"<int>", `-?\d+`},
		{"<hex32>", `[0-9A-F]{32}`},
		{"<hex32>,<hex32>", `[0-9A-F]{32},[0-9A-F]{32}`},
		{"<ip:port>", `\d+\.\d+\.\d+\.\d+:\d+`},
	} {
		if regexp.MustCompile(`^` + kind.form + `$`).MatchString(value) {
			return kind.name
		}
	}
	return p.parts.Replace(value)
}

func (p placeholders) frame(t *testing.T, f *remoting.Frame) golden {
	t.Helper()
	g := golden{Code: f.Code, Flag: f.Flag, Language: f.Language, Version: f.Version, Ext: map[string]string{}}
	if g.Remark = f.Remark; !regexp.MustCompile(`^[A-Z_]*$`).MatchString(f.Remark) {
		g.Remark = "<text>"
	}
	for key, value := range f.Ext {
		g.Ext[key] = p.text(value)
	}
	switch {
	case len(f.Body) == 0:
	case f.Body[0] == '{':
		g.Body = p.json(t, f.Body)
	default:
		g.Body = p.messages(t, f.Body)
	}
	return g
}

// json keeps numbers: those in bodies are what the test has asked for.
func (p placeholders) json(t *testing.T, raw []byte) any {
	t.Helper()
	strict := strictJSON(raw)
	var body map[string]any
	if err := json.Unmarshal(strict, &body); err != nil {
		t.Fatalf("decode body %s: %v", raw, err)
	}
	if !bytes.Equal(strict, raw) {
		body["<bare number keys>"] = true
	}
	return p.value(body)
}

func (p placeholders) value(v any) any {
	switch v := v.(type) {
	case string:
		return p.text(v)
	case []any:
		for i := range v {
			v[i] = p.value(v[i])
		}
		// No list of a body has an order that means something.
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		return v
	case map[string]any:
		renamed := make(map[string]any, len(v))
		for key, one := range v {
			if name, ok := p.names[key]; ok {
				key = name
			}
			renamed[key] = p.value(one)
		}
		return renamed
	}
	return v
}

func (p placeholders) messages(t *testing.T, raw []byte) any {
	t.Helper()
	var list []any
	for len(raw) > 0 {
		m, n, err := remoting.DecodeMessage(raw)
		if err != nil {
			t.Fatalf("decode message: %v", err)
		}
		properties := map[string]any{}
		for key, value := range remoting.ParseProperties(m.Properties) {
			properties[key] = p.text(value)
		}
		list = append(list, map[string]any{
			"topic": p.text(m.Topic), "queueId": m.QueueID, "flag": m.Flag, "sysFlag": m.SysFlag,
			"reconsumeTimes": m.ReconsumeTimes, "isPrepared": m.PreparedTransactionOffset != 0,
			"bornHost": p.text(m.BornHost.String()), "storeHost": p.text(m.StoreHost.String()),
			"body": string(m.Body), "properties": properties,
			// Magic, checksum and lengths are right if encoding gives the same bytes.
			"encodesTheSame": bytes.Equal(remoting.AppendMessage(nil, &m), raw[:n]),
		})
		raw = raw[n:]
	}
	return list
}

// flat lists the leaves of a value by path.
func flat(t *testing.T, g golden) map[string]string {
	t.Helper()
	raw, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	leaves := map[string]string{}
	flatten(leaves, "", v)
	return leaves
}

func flatten(leaves map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, one := range v {
			flatten(leaves, path+"/"+key, one)
		}
		if len(v) == 0 {
			leaves[path] = "{}"
		}
	case []any:
		for i, one := range v {
			flatten(leaves, fmt.Sprintf("%s/%d", path, i), one)
		}
		if len(v) == 0 {
			leaves[path] = "[]"
		}
	default:
		leaves[path] = fmt.Sprint(v)
	}
}

// difference is one leaf in which a frame is not what was recorded.
type difference struct{ file, path, want, got string }

func (d difference) String() string {
	return fmt.Sprintf("%s%s: %s, recorded %s", d.file, d.path, d.got, d.want)
}

func differences(t *testing.T, file string, want, got golden) []difference {
	t.Helper()
	a, b := flat(t, want), flat(t, got)
	var list []difference
	paths := maps.Clone(a)
	maps.Copy(paths, b)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		w, inWant := a[path]
		g, inGot := b[path]
		if !inWant {
			w = "absent"
		}
		if !inGot {
			g = "absent"
		}
		if w != g {
			list = append(list, difference{file, path, w, g})
		}
	}
	return list
}
