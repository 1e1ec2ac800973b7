package api

import (
	"net/http"
	"time"
)

// requestTimeout bounds the reading of a request, headers and body, which are small. The server has two settings for it;
// when they are equal, net/http sets one deadline per request instead of two.
const requestTimeout = 5 * time.Second

// AnswerTimeout bounds an answer, from the end of the request's headers to the last byte that is written.
const AnswerTimeout = 30 * time.Second

// NewServer returns an HTTP server with a timeout for everything that a client can delay, so that a slow one holds its
// connection for seconds. net/http and echo have none by default.
func NewServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      AnswerTimeout,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}
