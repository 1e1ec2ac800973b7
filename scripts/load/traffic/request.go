package traffic

import (
	"net/url"
	"strconv"
)

// Header is one header field of a request.
type Header struct{ Name, Value string }

// Request is an encoded request but for the value of one header, so that sending it again costs a copy.
type Request struct {
	head, tail []byte
}

// NewRequest encodes a JSON request. varying names the header that Append fills in; it may be empty when there is none.
func NewRequest(shop *url.URL, method, path, varying, body string, headers ...Header) Request {
	b := append([]byte(method), ' ')
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, shop.Host...)
	b = append(b, "\r\n"...)
	for _, h := range headers {
		b = append(b, h.Name+": "+h.Value+"\r\n"...)
	}
	if body != "" {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n"...)
	}
	if varying == "" {
		return Request{head: b, tail: []byte("\r\n" + body)}
	}
	b = append(b, varying+": "...)
	return Request{head: b, tail: []byte("\r\n\r\n" + body)}
}

// Append appends the request with the varying header's value to b.
func (r Request) Append(b []byte, value string) []byte {
	b = append(b, r.head...)
	b = append(b, value...)
	return append(b, r.tail...)
}
