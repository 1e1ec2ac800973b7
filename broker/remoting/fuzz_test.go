package remoting

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"reflect"
	"testing"
)

func FuzzReader(f *testing.F) {
	f.Add(rawFrame(0, sendHeader, "body"))
	f.Add(rawFrame(0, `{"code":1,"extFields":{"a":1}}`, ""))
	f.Add(rawFrame(1, "\x00\x0a\x09\x01\x3d\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01r\x00\x00\x00\x08\x00\x01a\x00\x00\x00\x01b", "body"))
	f.Add([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0xFF})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := NewReader(bytes.NewReader(raw))
		for {
			frame, err := r.Read()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrMalformedFrame) &&
					!errors.Is(err, ErrFrameTooLarge) {
					t.Fatalf("unexpected error %v", err)
				}
				return
			}
			again, err := AppendFrame(nil, frame)
			if errors.Is(err, ErrMalformedFrame) || errors.Is(err, ErrFrameTooLarge) {
				continue
			}
			got, err := NewReader(bytes.NewReader(again)).Read()
			if err != nil {
				t.Fatalf("written again: %v", err)
			}
			got.Language = frame.Language
			if !reflect.DeepEqual(got, frame) {
				t.Fatalf("written again:\n%+v\n%+v", got, frame)
			}
		}
	})
}

// The fast scanner may refuse a header, never read it otherwise than
// encoding/json.
func FuzzJSONHeader(f *testing.F) {
	f.Add(sendHeader)
	f.Add(`{"code":-0,"code":2,"remark":"\u00e9\u0000","extFields":{"a":"b","a":"c"}}`)
	f.Add(`{"extFields":{"a":"1"},"extFields":{"b":"2"}}`)
	f.Add("{\"remark\":\"\xff\"}")
	f.Add(`{"extFields":{"a":null},"remark":"\ud800"}`)
	f.Fuzz(func(t *testing.T, header string) {
		fast, ok := scanJSONHeader(header)
		if !ok {
			return
		}
		slow, err := decodeUnusualJSONHeader(header)
		if err != nil {
			t.Fatalf("encoding/json refuses %q: %v", header, err)
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%q:\nfast %+v\nslow %+v", header, fast, slow)
		}
	})
}

func FuzzDecodeMessage(f *testing.F) {
	m := newMessage()
	f.Add(AppendMessage(nil, &m))
	m.Body, m.Topic, m.Properties = nil, "", ""
	f.Add(AppendMessage(nil, &m))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, n, err := DecodeMessage(raw)
		if err != nil {
			if !errors.Is(err, ErrMalformedMessage) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		if m.SysFlag&(SysFlagBornHostV6|SysFlagStoreHostV6) == 0 && !bytes.Equal(AppendMessage(nil, &m), raw[:n]) {
			t.Fatalf("written again: %x", AppendMessage(nil, &m))
		}
	})
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x19\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01b\x00\x02pp"))
	f.Add(bytes.Repeat([]byte("\x00\x00\x00\x16\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"), 3))
	f.Fuzz(func(t *testing.T, raw []byte) {
		items, err := DecodeBatch(raw)
		if err != nil {
			if !errors.Is(err, ErrMalformedMessage) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		size := 0
		for _, item := range items {
			size += batchItemFixedBytes + len(item.Body) + len(item.Properties)
		}
		if len(items) == 0 || size != len(raw) {
			t.Fatalf("%d items of %d bytes in %d", len(items), size, len(raw))
		}
	})
}

// Properties come from clients, and the broker adds its own: it must find what is there, and change one alone.
func FuzzProperties(f *testing.F) {
	f.Add("TAGS\x01red\x02KEYS\x01a b\x02", "DELAY", "3")
	f.Add("a\x01b\x02a\x01c", "a", "")
	f.Add("\x01\x02\x02\x01a\x02a\x01", "a\x01", "b\x02c\x01d")
	f.Fuzz(func(t *testing.T, properties, key, value string) {
		before := ParseProperties(properties)
		for name, want := range before {
			if got, ok := Property(properties, name); !ok || got != want {
				t.Fatalf("%q of %q is %q, want %q", name, properties, got, want)
			}
		}
		if got, ok := Property(properties, key); ok != (before[key] != "") || got != before[key] {
			t.Fatalf("%q of %q is %q, want %q", key, properties, got, before[key])
		}
		set := SetProperty(properties, key, value)
		want := maps.Clone(before)
		key, value = withoutSeparators(key), withoutSeparators(value)
		delete(want, key)
		if key != "" && value != "" {
			want[key] = value
		}
		if got := ParseProperties(set); !maps.Equal(got, want) {
			t.Fatalf("%q with %q set to %q: %q, want %q", properties, key, value, got, want)
		}
	})
}
