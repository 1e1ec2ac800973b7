package remoting

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// sendHeader is a SEND_MESSAGE header as rocketmq-client-go v2.1.2 writes it.
const sendHeader = `{"code":10,"language":"GO","version":317,"opaque":7,"flag":0,"remark":"","extFields":{` +
	`"producerGroup":"stock","topic":"stock-reserved","queueId":"3","sysFlag":"4","bornTimestamp":"1700000000123",` +
	`"flag":"0","reconsumeTimes":"0","unitMode":"false","maxReconsumeTimes":"0","defaultTopic":"TBW102",` +
	`"defaultTopicQueueNums":"4","batch":"false","properties":"TRAN_MSG\u0001true\u0002PGROUP\u0001stock\u0002` +
	`UNIQ_KEY\u00017F000001ABCD000000000000000001\u0002TAGS\u0001\u003cvip\u003e\u0002"}}`

func rawFrame(serializer byte, header, body string) []byte {
	raw := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(header))|uint32(serializer)<<24)
	return append(append(raw, header...), body...)
}

func mustAppend(t *testing.T, f *Frame) []byte {
	t.Helper()
	raw, err := AppendFrame(nil, f)
	if err != nil {
		t.Fatalf("AppendFrame: %v", err)
	}
	return raw
}

func TestReaderReadsWhatTheGoClientSends(t *testing.T) {
	f, err := NewReader(bytes.NewReader(rawFrame(0, sendHeader, "body"))).Read()
	if err != nil {
		t.Fatal(err)
	}
	if f.Code != SendMessage || f.Language != "GO" || f.Version != 317 || f.Opaque != 7 || f.IsResponse() || f.IsOneWay() {
		t.Errorf("header: %+v", f)
	}
	if len(f.Ext) != 13 || f.Ext["topic"] != "stock-reserved" || f.Ext["bornTimestamp"] != "1700000000123" {
		t.Errorf("ext: %v", f.Ext)
	}
	if got, _ := Property(f.Ext["properties"], PropertyTags); got != "<vip>" {
		t.Errorf("TAGS = %q", got)
	}
	if string(f.Body) != "body" {
		t.Errorf("body = %q", f.Body)
	}
	if _, ok := scanJSONHeader(sendHeader); !ok {
		t.Error("the usual header did not take the fast way")
	}
}

func TestReaderAcceptsUnusualHeaders(t *testing.T) {
	cases := map[string]struct {
		header string
		want   Frame
	}{
		"java": {`{"code":105,"extFields":{"topic":"t"},"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":479}`,
			Frame{Code: 105, Language: "JAVA", Version: 479, Opaque: 1, Ext: map[string]string{"topic": "t"}}},
		"numbers, bools": {`{"code":11,"opaque":-2,"extFields":{"queueId":3,"big":12345678901234567890,"unitMode":true,"gone":null}}`,
			Frame{Code: 11, Opaque: -2, Ext: map[string]string{"queueId": "3", "big": "12345678901234567890", "unitMode": "true"}}},
		"spaces": {" {\n\"code\" : 34 ,\t\"flag\":2 } ", Frame{Code: 34, Flag: 2, Ext: map[string]string{}}},
		"surrogates": {`{"code":1,"remark":"\ud83c\udfab \/ \b\f\n\r\t"}`, Frame{Code: 1,
			Remark: "\U0001F3AB / \b\f\n\r\t", Ext: map[string]string{}}},
		"null ext, remark": {`{"code":1,"remark":null,"extFields":null}`, Frame{Code: 1, Ext: map[string]string{}}},
		"unknown field":    {`{"code":1,"new":{"a":[1,2]},"extFields":{}}`, Frame{Code: 1, Ext: map[string]string{}}},
		"empty":            {`{}`, Frame{Ext: map[string]string{}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f, err := NewReader(bytes.NewReader(rawFrame(0, c.header, ""))).Read()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*f, c.want) {
				t.Errorf("got  %+v\nwant %+v", *f, c.want)
			}
		})
	}
}

func TestReaderRefusesHostileFrames(t *testing.T) {
	cases := map[string]struct {
		raw  []byte
		want error
	}{
		"length over limit": {binary.BigEndian.AppendUint64(nil, (MaxFrameBytes+1)<<32), ErrFrameTooLarge},
		"negative length":   {binary.BigEndian.AppendUint64(nil, 0xFFFFFFFF<<32), ErrFrameTooLarge},
		"http":              {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), ErrFrameTooLarge},
		"length zero":       {make([]byte, 8), ErrMalformedFrame},
		"header over frame": {binary.BigEndian.AppendUint64(nil, 10<<32|100), ErrMalformedFrame},
		"header over limit": {binary.BigEndian.AppendUint64(nil, MaxFrameBytes<<32|(maxHeaderBytes+1)), ErrFrameTooLarge},
		"serializer 9":      {rawFrame(9, "{}", ""), ErrMalformedFrame},
		"not JSON":          {rawFrame(0, "GET / HTTP/1.1", ""), ErrMalformedFrame},
		"trailing":          {rawFrame(0, "{}{}", ""), ErrMalformedFrame},
		"code is text":      {rawFrame(0, `{"code":"10"}`, ""), ErrMalformedFrame},
		"code overflows":    {rawFrame(0, `{"code":2147483648}`, ""), ErrMalformedFrame},
		"leading zero":      {rawFrame(0, `{"code":01}`, ""), ErrMalformedFrame},
		"nested ext":        {rawFrame(0, `{"extFields":{"a":{"b":"c"}}}`, ""), ErrMalformedFrame},
		"control character": {rawFrame(0, "{\"remark\":\"\x01\"}", ""), ErrMalformedFrame},
		"bad escape":        {rawFrame(0, `{"remark":"\x41"}`, ""), ErrMalformedFrame},
		"short binary":      {rawFrame(1, "\x00\x0a\x09", ""), ErrMalformedFrame},
		"binary remark":     {rawFrame(1, "\x00\x0a\x09\x01\x3d\x00\x00\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff", ""), ErrMalformedFrame},
		"binary ext": {rawFrame(1,
			"\x00\x0a\x09\x01\x3d\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x05a", ""), ErrMalformedFrame},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := NewReader(bytes.NewReader(c.raw)).Read(); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestReaderReadsInAnyPieces(t *testing.T) {
	large := strings.Repeat("x", 3*bodyStepBytes+17)
	var stream []byte
	for i, body := range []string{"", "one", large} {
		f := &Frame{Code: i, Opaque: int32(i), Ext: map[string]string{"k": strings.Repeat("\x01", 20000*i)}, Body: []byte(body)}
		stream = append(stream, mustAppend(t, f)...)
	}
	r := NewReader(iotest.OneByteReader(bytes.NewReader(stream)))
	for i, body := range []string{"", "one", large} {
		f, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if f.Code != i || string(f.Body) != body || len(f.Ext["k"]) != 20000*i {
			t.Errorf("frame %d: code %d, %d bytes of body", i, f.Code, len(f.Body))
		}
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestReaderReportsEveryCut(t *testing.T) {
	for _, serializer := range []byte{serializerJSON, serializerBinary} {
		whole := mustAppend(t, &Frame{Code: 1, Ext: map[string]string{"a": "b"}, Body: []byte("body"), serializer: serializer})
		for n := 1; n < len(whole); n++ {
			if _, err := NewReader(bytes.NewReader(whole[:n])).Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("serializer %d cut at %d: %v", serializer, n, err)
			}
		}
	}
}

func TestReaderPassesConnectionErrors(t *testing.T) {
	broken := errors.New("connection reset")
	if _, err := NewReader(iotest.ErrReader(broken)).Read(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// A peer may announce 16 MiB and send nothing; a thousand such peers must not
// cost 16 GiB.
func TestReaderAllocatesNoMoreThanArrives(t *testing.T) {
	raw := rawFrame(0, "{}", "")
	binary.BigEndian.PutUint32(raw, MaxFrameBytes)
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, err := NewReader(bytes.NewReader(raw)).Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
				b.Fatal(err)
			}
		}
	})
	if got := result.AllocedBytesPerOp(); got > bodyStepBytes+2*readBufferBytes {
		t.Errorf("allocated %d bytes for an announced body", got)
	}
}

func TestNewRequestIsWhatTheGoClientSends(t *testing.T) {
	got, err := NewReader(bytes.NewReader(mustAppend(t, NewRequest(GetMaxOffset, map[string]string{"queueId": "3"})))).Read()
	if err != nil {
		t.Fatal(err)
	}
	if got.Code != 30 || got.Language != "GO" || got.Version != 317 || got.Opaque != 1 || got.IsResponse() || got.IsOneWay() ||
		got.Ext["queueId"] != "3" {
		t.Errorf("request: %+v", got)
	}
}

func TestReplyKeepsOpaqueAndSerializer(t *testing.T) {
	for _, serializer := range []byte{serializerJSON, serializerBinary} {
		request, err := NewReader(bytes.NewReader(mustAppend(t, &Frame{Code: 34, Opaque: 99, Flag: flagOneWay, serializer: serializer}))).Read()
		if err != nil {
			t.Fatal(err)
		}
		reply := request.Reply(TopicNotExist, "no route")
		reply.Ext["k"] = "v"
		raw := mustAppend(t, reply)
		if raw[4] != serializer {
			t.Errorf("serializer %d, want %d", raw[4], serializer)
		}
		got, err := NewReader(bytes.NewReader(raw)).Read()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Ext, reply.Ext) || got.Opaque != 99 || !got.IsResponse() || !got.IsOneWay() || got.Code != 17 ||
			got.Remark != "no route" || got.Language != "JAVA" || got.Version != BrokerVersion {
			t.Errorf("reply: %+v", got)
		}
	}
}

func TestAppendFrameRefusesWhatCannotBeSent(t *testing.T) {
	cases := map[string]struct {
		frame Frame
		want  error
	}{
		"body":           {Frame{Body: make([]byte, MaxFrameBytes)}, ErrFrameTooLarge},
		"large body":     {Frame{Body: make([]byte, 2*MaxFrameBytes)}, ErrFrameTooLarge},
		"escapes":        {Frame{Remark: strings.Repeat("\x01", MaxFrameBytes/4)}, ErrFrameTooLarge},
		"binary code":    {Frame{Code: 1 << 15, serializer: serializerBinary}, ErrMalformedFrame},
		"binary ext key": {Frame{Ext: map[string]string{strings.Repeat("k", 1<<15): "v"}, serializer: serializerBinary}, ErrMalformedFrame},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := AppendFrame([]byte("before"), &c.frame)
			if !errors.Is(err, c.want) || string(out) != "before" {
				t.Errorf("%d bytes, %v; want %v", len(out), err, c.want)
			}
		})
	}
}

func drawFrame(t *rapid.T, text *rapid.Generator[string]) *Frame {
	return &Frame{
		Code:       int(rapid.Int16().Draw(t, "code")),
		Language:   rapid.SampledFrom([]string{"JAVA", "GO", "CPP", "NODE_JS", "OTHER"}).Draw(t, "language"),
		Version:    int(rapid.Int16().Draw(t, "version")),
		Opaque:     rapid.Int32().Draw(t, "opaque"),
		Flag:       int(rapid.Int32().Draw(t, "flag")),
		Remark:     text.Draw(t, "remark"),
		Ext:        rapid.MapOf(text, text).Draw(t, "ext"),
		Body:       rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "body"),
		serializer: byte(rapid.IntRange(0, 1).Draw(t, "serializer")),
	}
}

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawFrame(t, rapid.String())
		raw, err := AppendFrame(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewReader(bytes.NewReader(raw)).Read()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// The hand-written encoder must write what encoding/json understands, also for
// text that is not UTF-8.
func TestJSONHeaderIsJSON(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })
	rapid.Check(t, func(t *rapid.T) {
		want := drawFrame(t, text)
		var got struct {
			Code      int16             `json:"code"`
			Language  string            `json:"language"`
			Opaque    int32             `json:"opaque"`
			Flag      int32             `json:"flag"`
			Remark    string            `json:"remark"`
			ExtFields map[string]string `json:"extFields"`
		}
		header := appendJSONHeader(nil, want)
		if err := json.Unmarshal(header, &got); err != nil || !utf8.Valid(header) {
			t.Fatalf("%q: %v", header, err)
		}
		if int(got.Code) != want.Code || got.Opaque != want.Opaque || int(got.Flag) != want.Flag || got.Language != want.Language {
			t.Fatalf("got %+v of %q", got, header)
		}
		if got.Remark != string([]rune(want.Remark)) {
			t.Fatalf("remark %q of %q", got.Remark, want.Remark)
		}
		for key, value := range want.Ext {
			if utf8.ValidString(key) && got.ExtFields[key] != string([]rune(value)) {
				t.Fatalf("ext %q = %q, want %q", key, got.ExtFields[key], value)
			}
		}
	})
}

func TestLanguageCodes(t *testing.T) {
	for code, name := range languages() {
		if languageCode(name) != byte(code) || languageOf(byte(code)) != name {
			t.Errorf("%s: %d, %s", name, languageCode(name), languageOf(byte(code)))
		}
	}
	if languageOf(200) != "OTHER" || languageCode("COBOL") != languageOther {
		t.Error("an unknown language is not OTHER")
	}
	if got := fmt.Sprint(languageCode("GO"), languageCode("")); got != "9 0" {
		t.Errorf("GO and none: %s", got)
	}
}
