package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
)

// staticFile is a file of the pages, and the path that serves it.
type staticFile struct {
	path, contentType string
	content           []byte
	packed            []byte // the same as gzip has made it; nil where that is no shorter
	tag               string // of the ETag: a browser that has this content is told so
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
	ofConsole, err := texts.consoleModule()
	if err != nil {
		return nil, err
	}
	currencies, err := json.Marshal(event.CurrencyDigits())
	if err != nil {
		return nil, fmt.Errorf("write currencies: %w", err)
	}
	var static []staticFile
	add := func(name string, content []byte) error {
		short, err := packed(content)
		static = append(static, newStaticFile(name, types[path.Ext(name)], content, short))
		return err
	}
	err = errors.Join(
		add("web/catalogues.js", catalogues), add("web/admin_catalogues.js", ofConsole),
		add("web/currencies.js", fmt.Appendf(nil, "export const digits = %s;\n", currencies)))
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(files, "web", func(name string, entry fs.DirEntry, err error) error {
		_, served := types[path.Ext(name)]
		if err != nil || entry.IsDir() || !served {
			return err
		}
		content, err := files.ReadFile(name)
		return errors.Join(err, add(name, content))
	})
	if err != nil {
		return nil, fmt.Errorf("read files of pages: %w", err)
	}
	return static, nil
}

func newStaticFile(name, contentType string, content, packed []byte) staticFile {
	sum := sha256.Sum256(content)
	return staticFile{"/" + name, contentType, content, packed, hex.EncodeToString(sum[:8])}
}

// isPart tells whether a browser never shows the file by itself, but as a part of a page, whose policy holds for it.
func (f staticFile) isPart() bool {
	return strings.HasPrefix(f.contentType, "text/javascript") || strings.HasPrefix(f.contentType, "text/css")
}

// serve answers with the file, or 304 to a browser that has it. A browser keeps it and asks each time, so that after an
// update no page is made of old and new scripts. Compressed it is another file to caches, with a tag of its own.
func (f staticFile) serve(headers fixedHeaders) echo.HandlerFunc {
	return func(c echo.Context) error {
		headers.set(c)
		header := c.Response().Header()
		header.Set(echo.HeaderCacheControl, "no-cache")
		if f.packed != nil {
			header.Set(echo.HeaderVary, echo.HeaderAcceptEncoding)
		}
		content, tag := f.content, `"`+f.tag+`"`
		isPacked := f.packed != nil && takesGzip(c.Request())
		if isPacked {
			content, tag = f.packed, `"`+f.tag+`-gzip"`
		}
		header.Set("Etag", tag)
		if c.Request().Header.Get("If-None-Match") == tag {
			return c.NoContent(http.StatusNotModified)
		}
		if isPacked {
			header.Set(echo.HeaderContentEncoding, "gzip")
		}
		header.Set(echo.HeaderContentLength, strconv.Itoa(len(content)))
		return c.Blob(http.StatusOK, f.contentType, content)
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
