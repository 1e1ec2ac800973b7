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

// page is one embedded file at its path.
type page struct{ path, file, content string }

// pages lists the embedded files one by one: a path is one of them or not found, and there is no tree to walk.
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

func (o *office) addPages(add func(method, path string, handle echo.HandlerFunc)) error {
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
	for path, data := range map[string]any{"/": o.Demo != nil, "/problems": problemLines()} {
		content, err := renderPage(path, data)
		if err != nil {
			return fmt.Errorf("render page %s: %w", path, err)
		}
		addPage(path, contentHTML, content)
	}
	return nil
}

// renderPage fills a page once, at start: "/" must know whether there is a demo to offer.
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

// problemLine is one problem on the page that the type of every problem leads to.
type problemLine struct {
	Code, Title, Detail string
	Status              int
}

func problemLines() []problemLine {
	var lines []problemLine
	for _, p := range problems() {
		if p.kind != malformed { // its code stands there as invalid_request
			lines = append(lines, problemLine{p.code, p.title, p.detail, p.status})
		}
	}
	return lines
}
