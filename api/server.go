package api

import (
	"net/http"
	"time"
)

// NewServer returns a server whose every wait has an end: a client that sends or reads slowly holds a connection for
// seconds, not for good. net/http and echo set none of these.
func NewServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}
