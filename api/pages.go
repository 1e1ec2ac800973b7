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
		{"/", "web/index.html", contentHTML},
		{"/web/app.js", "web/app.js", script},
		{"/web/calls.js", "web/calls.js", script},
		{"/web/cards.js", "web/cards.js", script},
		{"/web/clock.js", "web/clock.js", script},
		{"/web/style.css", "web/style.css", "text/css; charset=utf-8"},
		{"/web/icon.svg", "web/icon.svg", "image/svg+xml"},
		{"/openapi.yaml", "openapi.yaml", "application/yaml"},
	}
}

func (o *office) addPages(e *echo.Echo) error {
	for _, p := range pages() {
		content, err := files.ReadFile(p.file)
		if err != nil {
			return fmt.Errorf("read %s: %w", p.file, err)
		}
		addPage(e, p.path, p.content, content)
	}
	content, err := renderProblems()
	if err != nil {
		return fmt.Errorf("render the list of problems: %w", err)
	}
	addPage(e, "/problems", contentHTML, content)
	return nil
}

func addPage(e *echo.Echo, path, contentType string, content []byte) {
	serve := func(c echo.Context) error { return c.Blob(http.StatusOK, contentType, content) }
	e.GET(path, serve)
	e.HEAD(path, serve)
}

// renderProblems makes the page that the type of every problem leads to, out of the table itself.
func renderProblems() ([]byte, error) {
	parsed, err := template.ParseFS(files, "web/problems.html")
	if err != nil {
		return nil, err
	}
	type line struct {
		Code, Title, Detail string
		Status              int
	}
	var lines []line
	for _, p := range problems() {
		lines = append(lines, line{p.code, p.title, p.detail, p.status})
	}
	var page bytes.Buffer
	if err := parsed.Execute(&page, lines); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}
