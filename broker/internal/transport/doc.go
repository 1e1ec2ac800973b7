// Package transport carries frames between a server and its clients: connections
// that write what has queued up at once, and requests that are answered exactly
// once. It knows no request by its meaning.
package transport
