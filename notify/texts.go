package notify

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"boxoffice/common/event"
)

//go:embed texts
var textFiles embed.FS

// The bounds of a text in characters.
const (
	subjectMax = 150
	smsMax     = 400
)

// texts are the templates of all messages, by language.
type texts struct {
	text map[string]*texttemplate.Template
	html map[string]*htmltemplate.Template
}

// words are what the templates make a message of. What comes from others has neither line breaks nor other controls.
type words struct {
	Language, Subject   string
	OrderID             string
	Movie, Venue        string
	StartsAt, ExpiresAt time.Time // as people at the office's place have it
	Count               int64     // of tickets
	Amount              string    // of the order, or of a refund
	Reason              string    // of a cancellation
	OrderURL            string
	TicketsURL          string // empty: the office makes none
	Tickets             []ticketWords
}

// ticketWords are what a message says of one ticket.
type ticketWords struct {
	Number, Of int
	Code       string
	Image      htmltemplate.URL // cid:ticket-1@boxoffice; empty: none is shown
}

// readTexts reads the templates.
func readTexts() (*texts, error) {
	all := &texts{text: map[string]*texttemplate.Template{}, html: map[string]*htmltemplate.Template{}}
	for _, language := range []string{English, Chinese} {
		functions := map[string]any{"weekday": weekday, "zone": zone}
		words := "texts/" + language + ".words"
		text, err := texttemplate.New(language).Option("missingkey=error").Funcs(functions).ParseFS(textFiles, words, "texts/"+language+".txt")
		if err != nil {
			return nil, fmt.Errorf("read texts: %w", err)
		}
		html, err := htmltemplate.New(language).Option("missingkey=error").Funcs(functions).ParseFS(textFiles, words,
			"texts/page.html", "texts/"+language+".html")
		if err != nil {
			return nil, fmt.Errorf("read texts: %w", err)
		}
		all.text[language], all.html[language] = text, html
	}
	return all, nil
}

// write fills a message in.
func (t *texts) write(m *Message, w words) error {
	text, html := t.text[w.Language], t.html[w.Language]
	if text == nil || html == nil {
		return fmt.Errorf("write message: there are no texts in %q", w.Language)
	}
	if m.Channel == ChannelSMS {
		sms, err := filled(text, "sms."+string(m.Kind), w)
		m.Text = oneLine(sms, smsMax)
		return err
	}
	subject, err := filled(text, "subject."+string(m.Kind), w)
	if err != nil {
		return err
	}
	m.Subject = oneLine(subject, subjectMax)
	w.Subject = m.Subject
	if m.Text, err = filled(text, "mail."+string(m.Kind), w); err != nil {
		return err
	}
	m.HTML, err = filled(html, "page."+string(m.Kind), w)
	return err
}

// filled is a template with these words.
func filled(t interface {
	ExecuteTemplate(to io.Writer, name string, data any) error
}, name string, w words) (string, error) {
	var text strings.Builder
	if err := t.ExecuteTemplate(&text, name, w); err != nil {
		return "", fmt.Errorf("write message: %w", err)
	}
	return strings.TrimSpace(text.String()) + "\n", nil
}

// oneLine is a text without line breaks and other controls, of so many characters at most: as a header takes it, and as
// nobody can pass off more than one.
func oneLine(text string, charactersMax int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	characters := []rune(strings.Join(strings.Fields(text), " "))
	if len(characters) > charactersMax {
		characters = append(characters[:charactersMax-3], []rune("...")...)
	}
	return string(characters)
}

// weekday picks the name of a time's day, of which Sunday's is the first.
func weekday(at time.Time, names ...string) (string, error) {
	if day := int(at.Weekday()); day < len(names) {
		return names[day], nil
	}
	return "", fmt.Errorf("%d weekdays have a name", len(names))
}

// zone says by which clock a time is told: a mail is read anywhere.
func zone(at time.Time) string {
	if _, offset := at.Zone(); offset == 0 {
		return "UTC"
	}
	return "UTC" + at.Format("-07:00")
}

// moneyText writes an amount for people: 1,234.50 CNY. How many digits are behind the point is the currency's.
func moneyText(m event.Money, in string) string {
	digits, _ := event.MinorDigits(m.Currency)
	one := int64(1)
	for range digits {
		one *= 10
	}
	text := message.NewPrinter(language.Make(in)).Sprintf("%d", m.Amount/one)
	if digits > 0 {
		text += fmt.Sprintf(".%0*d", digits, m.Amount%one)
	}
	return text + " " + m.Currency
}
