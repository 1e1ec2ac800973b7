// Package sql holds the schema of each service's database, one directory per dialect, as numbered migrations.
package sql

import (
	"embed"
	"io/fs"
)

//go:embed stock order tickets notify
var files embed.FS

// Stock returns the migrations of the stock database, by dialect.
func Stock() (fs.FS, error) { return fs.Sub(files, "stock") }

// Order returns the migrations of the order database, by dialect.
func Order() (fs.FS, error) { return fs.Sub(files, "order") }

// Tickets returns the migrations of the tickets database, by dialect.
func Tickets() (fs.FS, error) { return fs.Sub(files, "tickets") }

// Notify returns the migrations of the notifications database, by dialect.
func Notify() (fs.FS, error) { return fs.Sub(files, "notify") }
