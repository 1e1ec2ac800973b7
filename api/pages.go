package api

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"boxoffice/stock"
)

const contentHTML = "text/html; charset=utf-8"

// pages serves the web pages and their files. The pages of the shop are one document, whose script shows the view of the
// address; the server fills in what must be there without a script: the language, the title, and how a link looks that is
// shared.
type pages struct {
	*handler
	texts       *pageTexts
	templates   *template.Template
	modules     []string // of the shop's script
	headers     fixedHeaders
	shopHeaders fixedHeaders
	addresses   map[string]bool // of pages for people, without those of one screening or order
}

// shopPage is what a document is filled with, of the shop or of one that stands alone.
type shopPage struct {
	Language, Title, Description string
	Image                        string // https URL, or ""
	Zone                         string // of the times that people read; see Options
	Demo, Tickets, Notify        bool
	Modules                      []string
	Text                         func(key string) string
}

// addPages adds the routes of the web pages, their files and openapi.yaml.
func (h *handler) addPages(add func(method, path string, handle echo.HandlerFunc)) (*pages, error) {
	texts, err := readPageTexts()
	if err != nil {
		return nil, err
	}
	templates, err := template.ParseFS(files, "web/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse pages: %w", err)
	}
	static, err := staticFiles(texts)
	if err != nil {
		return nil, err
	}
	document, err := files.ReadFile("openapi.yaml")
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	addBoth := func(path string, serve echo.HandlerFunc) {
		add(http.MethodGet, path, serve)
		add(http.MethodHead, path, serve)
	}
	headers := pageHeaders("", h.cookies.secure)
	for _, file := range static {
		if file.isPart() {
			addBoth(file.path, file.serve(partHeaders()))
		} else {
			addBoth(file.path, file.serve(headers))
		}
	}
	p := &pages{
		handler: h, texts: texts, templates: templates,
		modules: modulesOf("/web/app.js", static), shopHeaders: pageHeaders(postersAnywhere, h.cookies.secure), headers: headers,
		addresses: map[string]bool{},
	}
	p.addDocuments(static, addBoth)
	addBoth("/openapi.yaml", func(c echo.Context) error {
		headers.set(c)
		return c.Blob(http.StatusOK, "application/yaml", document)
	})
	return p, nil
}

// addDocuments adds the pages for people. What those show that stand alone comes from the API, which knows who may see it.
func (p *pages) addDocuments(static []staticFile, add func(path string, serve echo.HandlerFunc)) {
	page := func(path string, serve echo.HandlerFunc) {
		p.addresses[path] = true
		add(path, serve)
	}
	add("/", p.shop("home.title"))
	add("/s/:id", p.screening)
	add("/o/:id", p.shop("order.title"))
	page("/orders", p.shop("orders.title"))
	page("/admin", p.alone("admin.html", "admin.title", modulesOf("/web/admin.js", static)))
	page("/problems", p.problemCodes)
	if p.Tickets != nil {
		page("/tickets", p.alone("tickets.html", "ticket.page_title", modulesOf("/web/tickets.js", static)))
		page("/check-in", p.alone("check-in.html", "door.page_title", modulesOf("/web/check-in.js", static)))
	}
	if p.Notify != nil && p.Demo != nil {
		page("/mailbox", p.mailbox(static))
	}
}

// shop serves the shop's document under a title.
func (p *pages) shop(title string) echo.HandlerFunc {
	return func(c echo.Context) error {
		return p.answerShop(c, http.StatusOK, func(page *shopPage) { page.Title = page.Text(title) })
	}
}

// screening serves the shop's document for one screening, with what a shared link shows of it. While the stock service is
// away it is served without that: the script asks for the screening again, and says what it finds.
func (p *pages) screening(c echo.Context) error {
	id, err := pathID(c)
	if err != nil {
		return p.answerShop(c, http.StatusNotFound, func(page *shopPage) { page.Title = page.Text("screening.missing") })
	}
	found, err := p.Stock.Screening(traced(c), id)
	switch {
	case errors.Is(err, stock.ErrScreeningNotFound):
		return p.answerShop(c, http.StatusNotFound, func(page *shopPage) { page.Title = page.Text("screening.missing") })
	case err != nil:
		return p.answerShop(c, http.StatusOK, func(page *shopPage) { page.Title = page.Text("screening.title") })
	}
	return p.answerShop(c, http.StatusOK, func(page *shopPage) {
		page.Title, page.Image = found.Movie, found.PosterURL
		page.Description = p.texts.text(p.texts.languageOf(c.Request()), "screening.share", "movie", found.Movie, "venue", found.Venue)
	})
}

func (p *pages) answerShop(c echo.Context, status int, fill func(*shopPage)) error {
	language := p.texts.languageOf(c.Request())
	page := shopPage{
		Language: htmlLanguage(language), Demo: p.Demo != nil, Tickets: p.Tickets != nil,
		Notify: p.Notify != nil, Zone: p.Zone, Modules: p.modules,
		Text: func(key string) string { return p.texts.text(language, key) },
	}
	page.Description = page.Text("home.share")
	fill(&page)
	return p.render(c, status, p.shopHeaders, "index.html", page)
}

// mailbox serves the page of the demo's mailbox, whose script asks who looks.
func (p *pages) mailbox(static []staticFile) echo.HandlerFunc {
	modules, headers := modulesOf("/web/mailbox.js", static), mailboxHeaders(p.cookies.secure)
	return func(c echo.Context) error {
		language := p.texts.languageOf(c.Request())
		text := func(key string) string { return p.texts.text(language, key) }
		page := shopPage{Language: htmlLanguage(language), Title: text("mailbox.title"), Zone: p.Zone, Modules: modules, Text: text}
		return p.render(c, http.StatusOK, headers, "mailbox.html", page)
	}
}

// alone serves a page that is no view of the shop: the operators' console, an order's tickets, a door.
func (p *pages) alone(name, title string, modules []string) echo.HandlerFunc {
	return func(c echo.Context) error {
		language := p.texts.languageOf(c.Request())
		text := func(key string) string { return p.texts.text(language, key) }
		page := shopPage{
			Language: htmlLanguage(language), Title: text(title), Demo: p.Demo != nil, Tickets: p.Tickets != nil, Notify: p.Notify != nil,
			Zone: p.Zone, Modules: modules, Text: text,
		}
		return p.render(c, http.StatusOK, p.headers, name, page)
	}
}

// problemPage is what the page /problems is filled with: its entries are what the type of every problem refers to.
type problemPage struct {
	Language string
	Entries  []problemEntry
	Text     func(key string) string
}

type problemEntry struct {
	Code, Title, Detail string
	Status              int
}

func (p *pages) problemCodes(c echo.Context) error {
	language := p.texts.languageOf(c.Request())
	page := problemPage{Language: htmlLanguage(language), Text: func(key string) string { return p.texts.text(language, key) }}
	for _, row := range problems() {
		if row.kind == malformed { // "invalid" has the same code, and an entry
			continue
		}
		words := p.texts.problem(&row, language)
		page.Entries = append(page.Entries, problemEntry{row.code, words.Title, words.Detail, row.status})
	}
	return p.render(c, http.StatusOK, p.headers, "problems.html", page)
}

// render answers with a page. Which language it is in depends on the request.
func (p *pages) render(c echo.Context, status int, headers fixedHeaders, name string, data any) error {
	var page bytes.Buffer
	if err := p.templates.ExecuteTemplate(&page, name, data); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	headers.set(c)
	c.Response().Header().Set(echo.HeaderVary, pageVary)
	return c.Blob(status, contentHTML, page.Bytes())
}

// unmatched answers a request that no route takes. A person who has mistyped an address gets a page: the right one, where there
// is only a slash too much, or else what the shop shows where nothing is. Programs, and whoever calls the API, get err, a problem.
func (p *pages) unmatched(c echo.Context, err error) error {
	r := c.Request()
	isRead := r.Method == http.MethodGet || r.Method == http.MethodHead
	asksForPage := isRead && !strings.HasPrefix(r.URL.Path, "/v1/") && strings.Contains(r.Header.Get(echo.HeaderAccept), echo.MIMETextHTML)
	if !asksForPage || !errors.Is(err, echo.ErrNotFound) {
		return err
	}
	if path := strings.TrimSuffix(r.URL.Path, "/"); p.addresses[path] { // nothing else is redirected to
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		return c.Redirect(http.StatusPermanentRedirect, path)
	}
	return p.answerShop(c, http.StatusNotFound, func(page *shopPage) { page.Title = page.Text("missing.heading") })
}
