package api

import (
	"net/http"
	"time"
)

// requestTimeout is for the headers and the body, which are small. With one deadline for both net/http sets one timer.
const requestTimeout = 5 * time.Second

// NewServer returns a server whose every wait has an end: a client that sends or reads slowly holds a connection for
// seconds, not for good. net/http and echo set none of these.
func NewServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}
