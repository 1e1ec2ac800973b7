package remoting

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	experiment "github.com/go-json-experiment/json"
)

func BenchmarkReadJSON(b *testing.B) {
	raw := rawFrame(0, sendHeader, string(make([]byte, 512)))
	in := bytes.NewReader(raw)
	r := NewReader(in)
	b.ReportAllocs()
	for b.Loop() {
		in.Reset(raw)
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
	}
}

// plainHeader is the header for a JSON library without any code of ours.
type plainHeader struct {
	Code      int               `json:"code"`
	Flag      int               `json:"flag"`
	Language  string            `json:"language"`
	Opaque    int32             `json:"opaque"`
	Version   int               `json:"version"`
	Remark    string            `json:"remark,omitempty"`
	ExtFields map[string]string `json:"extFields,omitempty"`
}

func BenchmarkDecodeHeaderScanner(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := scanJSONHeader(sendHeader); !ok {
			b.Fatal("not read")
		}
	}
}

func BenchmarkDecodeHeaderEncodingJSON(b *testing.B) { benchmarkDecode(b, json.Unmarshal) }

func BenchmarkDecodeHeaderExperimentJSON(b *testing.B) {
	benchmarkDecode(b, func(text []byte, into any) error { return experiment.Unmarshal(text, into) })
}

func benchmarkDecode(b *testing.B, unmarshal func([]byte, any) error) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		var h plainHeader
		if err := unmarshal([]byte(sendHeader), &h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeHeaderUnusual(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeUnusualJSONHeader(sendHeader); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkReply() *Frame {
	reply := (&Frame{Opaque: 77}).Reply(Success, "")
	reply.Ext = map[string]string{
		"msgId": "7F00000100002A9F00000000000000FF", "queueId": "3", "queueOffset": "123456",
		"transactionId": "7F000001ABCD000000000000000001", "MSG_REGION": "DefaultRegion", "TRACE_ON": "true",
	}
	return reply
}

func BenchmarkAppendFrameJSON(b *testing.B) {
	reply := benchmarkReply()
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buffer, err = AppendFrame(buffer[:0], reply); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendFrameBinary(b *testing.B) {
	reply := benchmarkReply()
	reply.serializer = serializerBinary
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buffer, err = AppendFrame(buffer[:0], reply); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkPlainReply() plainHeader {
	reply := benchmarkReply()
	return plainHeader{
		Code: reply.Code, Flag: reply.Flag, Language: reply.Language, Opaque: reply.Opaque, Version: reply.Version, ExtFields: reply.Ext,
	}
}

func BenchmarkEncodeHeaderByHand(b *testing.B) {
	reply := benchmarkReply()
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = appendJSONHeader(buffer[:0], reply)
	}
}

func BenchmarkEncodeHeaderEncodingJSON(b *testing.B) {
	reply := benchmarkPlainReply()
	encoder := json.NewEncoder(io.Discard)
	b.ReportAllocs()
	for b.Loop() {
		if err := encoder.Encode(reply); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeHeaderExperimentJSON(b *testing.B) {
	reply := benchmarkPlainReply()
	b.ReportAllocs()
	for b.Loop() {
		if err := experiment.MarshalWrite(io.Discard, reply); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeMessage(b *testing.B) {
	m := newMessage()
	m.Body = make([]byte, 512)
	raw := AppendMessage(nil, &m)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := DecodeMessage(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendMessage(b *testing.B) {
	m := newMessage()
	m.Body = make([]byte, 512)
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = AppendMessage(buffer[:0], &m)
	}
}
