package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
)

// staticFile is a file of the pages, and the path that serves it.
type staticFile struct {
	path, contentType string
	content           []byte
	tag               string // ETag: a browser that has this content is told so
}

// staticFiles returns the scripts, styles and images of the pages, and the licences of those that are not ours. There is no
// file server, so no other path can reach a file.
func staticFiles(texts *pageTexts) ([]staticFile, error) {
	types := map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", "": "text/plain; charset=utf-8",
	}
	catalogues, err := texts.module()
	if err != nil {
		return nil, err
	}
	currencies, err := json.Marshal(event.CurrencyDigits())
	if err != nil {
		return nil, fmt.Errorf("write currencies: %w", err)
	}
	static := []staticFile{
		newStaticFile("web/catalogues.js", types[".js"], catalogues),
		newStaticFile("web/currencies.js", types[".js"], fmt.Appendf(nil, "export const digits = %s;\n", currencies)),
	}
	err = fs.WalkDir(files, "web", func(name string, entry fs.DirEntry, err error) error {
		contentType, served := types[path.Ext(name)]
		if err != nil || entry.IsDir() || !served {
			return err
		}
		content, err := files.ReadFile(name)
		static = append(static, newStaticFile(name, contentType, content))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read files of pages: %w", err)
	}
	return static, nil
}

func newStaticFile(name, contentType string, content []byte) staticFile {
	sum := sha256.Sum256(content)
	return staticFile{"/" + name, contentType, content, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// serve answers with the file, or 304 to a browser that has it. A browser keeps it and asks each time, so that after an
// update no page is made of old and new scripts.
func (f staticFile) serve(headers fixedHeaders) echo.HandlerFunc {
	return func(c echo.Context) error {
		headers.set(c)
		header := c.Response().Header()
		header.Set(echo.HeaderCacheControl, "no-cache")
		header.Set("Etag", f.tag)
		if c.Request().Header.Get("If-None-Match") == f.tag {
			return c.NoContent(http.StatusNotModified)
		}
		return c.Blob(http.StatusOK, f.contentType, f.content)
	}
}

// modulesOf returns the paths of the modules that a script imports, and that they import, so that a page can name them all
// at once: a browser would find them one after the other.
func modulesOf(script string, static []staticFile) []string {
	imports := regexp.MustCompile(`(?m)^(?:import|export) [^"]*"\./([\w.-]+)";`)
	var found []string
	var add func(path string)
	add = func(path string) {
		if slices.Contains(found, path) {
			return
		}
		for _, file := range static {
			if file.path != path {
				continue
			}
			found = append(found, path)
			for _, match := range imports.FindAllSubmatch(file.content, -1) {
				add("/web/" + string(match[1]))
			}
		}
	}
	add(script)
	slices.SortFunc(found, strings.Compare)
	return found
}
