package api

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"
)

//go:embed web openapi.yaml
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

// addPages adds the routes of the web page, its files, the page of problems and openapi.yaml.
func addPages(add func(method, path string, handle echo.HandlerFunc), demo bool) error {
	headers := pageHeaders()
	addPage := func(path, contentType string, content []byte) {
		serve := func(c echo.Context) error {
			headers.set(c)
			return c.Blob(http.StatusOK, contentType, content)
		}
		add(http.MethodGet, path, serve)
		add(http.MethodHead, path, serve)
	}
	for _, p := range pages() {
		content, err := files.ReadFile(p.file)
		if err != nil {
			return fmt.Errorf("read %s: %w", p.file, err)
		}
		addPage(p.path, p.content, content)
	}
	for path, data := range map[string]any{"/": demo, "/problems": problemEntries()} {
		content, err := renderPage(path, data)
		if err != nil {
			return fmt.Errorf("render page %s: %w", path, err)
		}
		addPage(path, contentHTML, content)
	}
	return nil
}

// renderPage fills in a page's template, once at start: "/" shows whether this is a demo, "/problems" the table.
func renderPage(path string, data any) ([]byte, error) {
	file := map[string]string{"/": "web/index.html", "/problems": "web/problems.html"}[path]
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
