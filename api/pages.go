package api

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"
)

//go:embed web openapi.yaml sign_in.html
var files embed.FS

const contentHTML = "text/html; charset=utf-8"

// page is an embedded file and the path that serves it.
type page struct{ path, file, content string }

// pages lists every embedded file that is served as it is. There is no file server, so no other path can reach a file.
func pages() []page {
	const script = "text/javascript; charset=utf-8"
	return []page{
		{"/web/app.js", "web/app.js", script},
		{"/web/calls.js", "web/calls.js", script},
		{"/web/cards.js", "web/cards.js", script},
		{"/web/clock.js", "web/clock.js", script},
		{"/web/style.css", "web/style.css", "text/css; charset=utf-8"},
		{"/web/icon.svg", "web/icon.svg", "image/svg+xml"},
		{"/openapi.yaml", "openapi.yaml", "application/yaml"},
	}
}

// ticketPages lists the files of the pages that show tickets and check them, in an office that has tickets.
func ticketPages() []page {
	const script, style = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
	return []page{
		{"/web/tickets.js", "web/tickets.js", script},
		{"/web/check-in.js", "web/check-in.js", script},
		{"/web/scanner.js", "web/scanner.js", script},
		{"/web/ticket-calls.js", "web/ticket-calls.js", script},
		{"/web/ticket-texts.js", "web/ticket-texts.js", script},
		{"/web/tickets.css", "web/tickets.css", style},
		{"/web/check-in.css", "web/check-in.css", style},
		{"/web/jsqr/jsQR.js", "web/jsqr/jsQR.js", script},
		{"/web/jsqr/LICENSE", "web/jsqr/LICENSE", "text/plain; charset=utf-8"},
	}
}

// addPages adds the routes of the web page, its files, the page of problems and openapi.yaml; and those of the pages of
// tickets, if there are any.
func addPages(add func(method, path string, handle echo.HandlerFunc), demo, hasTickets bool) error {
	headers := pageHeaders()
	addPage := func(path, contentType string, content []byte) {
		serve := func(c echo.Context) error {
			headers.set(c)
			return c.Blob(http.StatusOK, contentType, content)
		}
		add(http.MethodGet, path, serve)
		add(http.MethodHead, path, serve)
	}
	served, rendered := pages(), map[string]any{"/": demo, "/problems": problemEntries()}
	if hasTickets {
		served = append(served, ticketPages()...)
		rendered["/tickets"], rendered["/check-in"] = demo, demo
	}
	for _, p := range served {
		content, err := files.ReadFile(p.file)
		if err != nil {
			return fmt.Errorf("read %s: %w", p.file, err)
		}
		addPage(p.path, p.content, content)
	}
	for path, data := range rendered {
		content, err := renderPage(path, data)
		if err != nil {
			return fmt.Errorf("render page %s: %w", path, err)
		}
		addPage(path, contentHTML, content)
	}
	return nil
}

// renderPage fills in a page's template, once at start: "/problems" shows the table, all others whether this is a demo.
func renderPage(path string, data any) ([]byte, error) {
	file := map[string]string{
		"/": "web/index.html", "/problems": "web/problems.html", "/tickets": "web/tickets.html", "/check-in": "web/check-in.html",
	}[path]
	parsed, err := template.ParseFS(files, file)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := parsed.Execute(&page, data); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}

// problemEntry is one entry of the page /problems, to which the type of every problem refers.
type problemEntry struct {
	Code, Title, Detail string
	Status              int
}

func problemEntries() []problemEntry {
	var entries []problemEntry
	for _, p := range problems() {
		if p.kind != malformed { // "invalid" has the same code, and an entry
			entries = append(entries, problemEntry{p.code, p.title, p.detail, p.status})
		}
	}
	return entries
}
