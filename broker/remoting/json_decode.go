package remoting

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// decodeJSONHeader reads a header in its JSON form: the flat one that clients
// write with a scanner of our own, and everything unusual with encoding/json. The
// scanner may give up, but what it accepts it reads exactly as encoding/json does
// (FuzzJSONHeader).
//
// The broker reads a header for each message that it takes. For that of a send,
// github.com/go-json-experiment/json takes 2.8 times the processor time of the
// scanner, and encoding/json 5.2 times (BenchmarkDecodeHeader*, in one run): with
// encoding/json alone the broker took a third of the messages (BenchmarkSend/256,
// 100 us each against 35, alternating runs).
func decodeJSONHeader(text string) (*Frame, error) {
	if f, ok := scanJSONHeader(text); ok {
		return f, nil
	}
	return decodeUnusualJSONHeader(text)
}

// unusualHeader is the header as encoding/json reads it. Fields are int32 as in Java.
type unusualHeader struct {
	Code     int32                      `json:"code"`
	Language string                     `json:"language"`
	Version  int32                      `json:"version"`
	Opaque   int32                      `json:"opaque"`
	Flag     int32                      `json:"flag"`
	Remark   string                     `json:"remark"`
	Ext      map[string]json.RawMessage `json:"extFields"`
}

func decodeUnusualJSONHeader(text string) (*Frame, error) {
	var h unusualHeader
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return nil, fmt.Errorf("decode JSON header: %w: %w", ErrMalformedFrame, err)
	}
	f := &Frame{
		Code: int(h.Code), Language: h.Language, Version: int(h.Version),
		Opaque: h.Opaque, Flag: int(h.Flag), Remark: h.Remark,
		Ext: make(map[string]string, len(h.Ext)), serializer: serializerJSON,
	}
	for key, raw := range h.Ext {
		switch raw[0] {
		case '"':
			var value string
			if err := json.Unmarshal(raw, &value); err != nil {
				return nil, fmt.Errorf("decode extFields value: %w: %w", ErrMalformedFrame, err)
			}
			f.Ext[key] = value
		case 'n':
			// Java leaves null fields out; a null that is written means the same.
		case '{', '[':
			return nil, fmt.Errorf("decode extFields: nested value: %w", ErrMalformedFrame)
		default:
			f.Ext[key] = string(raw)
		}
	}
	return f, nil
}

// headerScanner reads the text of one header from front to back. Its methods
// report false where the text is not of the usual shape.
type headerScanner struct {
	text string
	at   int
}

func scanJSONHeader(text string) (*Frame, bool) {
	if !utf8.ValidString(text) {
		return nil, false
	}
	f := &Frame{serializer: serializerJSON}
	s := headerScanner{text: text}
	if !s.object(func(key string) bool { return s.field(f, key) }) {
		return nil, false
	}
	s.space()
	if s.at != len(text) {
		return nil, false
	}
	if f.Ext == nil {
		f.Ext = make(map[string]string)
	}
	return f, true
}

func (s *headerScanner) field(f *Frame, key string) (ok bool) {
	switch key {
	case "code":
		f.Code, ok = s.integer()
	case "language":
		f.Language, ok = s.quoted()
	case "version":
		f.Version, ok = s.integer()
	case "opaque":
		var opaque int
		opaque, ok = s.integer()
		f.Opaque = int32(opaque)
	case "flag":
		f.Flag, ok = s.integer()
	case "remark":
		f.Remark, ok = s.quoted()
	case "serializeTypeCurrentRPC":
		// The Java client writes its own bookkeeping; the frame's mark decides.
		_, ok = s.quoted()
	case "extFields":
		if f.Ext != nil {
			return false
		}
		f.Ext = make(map[string]string, 16)
		ok = s.object(func(name string) bool {
			value, ok := s.quoted()
			f.Ext[name] = value
			return ok
		})
	}
	return ok
}

// object walks {"key":value,...}; value is called at the start of each value.
func (s *headerScanner) object(value func(key string) bool) bool {
	if !s.next('{') {
		return false
	}
	if s.next('}') {
		return true
	}
	for {
		s.space()
		key, ok := s.quoted()
		if !ok || !s.next(':') {
			return false
		}
		s.space()
		if !value(key) {
			return false
		}
		if s.next('}') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

func (s *headerScanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// next skips white space and then c, if it comes next.
func (s *headerScanner) next(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// integer reads a plain int32.
func (s *headerScanner) integer() (int, bool) {
	start := s.at
	if s.at < len(s.text) && s.text[s.at] == '-' {
		s.at++
	}
	first, n := s.at, int64(0)
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' && s.at-first < 11 {
		n = n*10 + int64(s.text[s.at]-'0')
		s.at++
	}
	digits := s.at - first
	if digits == 0 || (digits > 1 && s.text[first] == '0') {
		return 0, false
	}
	if first > start {
		n = -n
	}
	return int(n), n >= math.MinInt32 && n <= math.MaxInt32
}

// quoted reads one JSON string; without escapes it is a part of the header.
func (s *headerScanner) quoted() (string, bool) {
	if s.at >= len(s.text) || s.text[s.at] != '"' {
		return "", false
	}
	start, escaped := s.at+1, false
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.at = i + 1
			if escaped {
				return unescape(s.text[start:i])
			}
			return s.text[start:i], true
		case c == '\\':
			escaped = true
			i++
		case c < 0x20:
			return "", false
		}
	}
	return "", false
}

// unescape resolves the escapes of a JSON string, except for surrogates.
func unescape(raw string) (string, bool) {
	var out strings.Builder
	out.Grow(len(raw))
	for {
		i := strings.IndexByte(raw, '\\')
		if i < 0 {
			out.WriteString(raw)
			return out.String(), true
		}
		out.WriteString(raw[:i])
		raw = raw[i+1:]
		if raw == "" {
			return "", false
		}
		c := raw[0]
		raw = raw[1:]
		switch c {
		case '"', '\\', '/':
			out.WriteByte(c)
		case 'b':
			out.WriteByte('\b')
		case 'f':
			out.WriteByte('\f')
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 't':
			out.WriteByte('\t')
		case 'u':
			r, ok := hexRune(raw)
			if !ok {
				return "", false
			}
			out.WriteRune(r)
			raw = raw[4:]
		default:
			return "", false
		}
	}
}

func hexRune(raw string) (rune, bool) {
	if len(raw) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range []byte(raw[:4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, r < 0xD800 || r > 0xDFFF
}
