package remoting

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
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

func BenchmarkDecodeHeaderFast(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := scanJSONHeader(sendHeader); !ok {
			b.Fatal("not read")
		}
	}
}

func BenchmarkDecodeHeaderEncodingJSON(b *testing.B) {
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

func BenchmarkEncodeHeaderEncodingJSON(b *testing.B) {
	reply := benchmarkReply()
	encoder := json.NewEncoder(io.Discard)
	b.ReportAllocs()
	for b.Loop() {
		if err := encoder.Encode(reply); err != nil {
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
