package notify

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"boxoffice/common/event"
	"boxoffice/order"
)

// messages are all messages of one order, by kind, in a contact's language.
func (f *fixture) messages(c Contact) map[string]Message {
	f.t.Helper()
	f.contact(c)
	all := map[string]Message{}
	for _, state := range []struct {
		state  order.State
		reason order.CancelReason
	}{{order.PendingPayment, ""}, {order.Paid, ""}, {order.Cancelled, order.CancelByOffice}} {
		o := f.order("o-1", state.state, state.reason)
		f.reserve(o)
		f.settle("o-1")
		f.work()
	}
	if err := f.Refund(f.t.Context(), event.RefundsSent{Refunds: []event.SentRefund{
		{ID: "rf_1", OrderID: "o-1", Amount: event.Money{Amount: 500, Currency: "JPY"}},
	}}); err != nil {
		f.t.Fatal(err)
	}
	f.work()
	for _, m := range append(f.mail.sent, f.sms.sent...) {
		all[string(m.Kind)+" "+string(m.Channel)] = m
	}
	return all
}

// Each kind says, by each channel and in each language, what its reader needs.
func TestTextsSayWhatIsNeeded(t *testing.T) {
	for language, want := range map[string]map[string][]string{
		English: {
			"reserved mail": {"2 tickets", "Spirited Away", "Grand Hall", "1,234.50 CNY", "https://box.example/o/o-1", "UTC+08:00",
				"Wed, 18 November 2026, 19:21 (UTC+08:00)"},
			"paid mail":      {"https://box.example/tickets#o-1", "CODE-OF-o-1-1", "CODE-OF-o-1-2", "Ticket 2 of 2", "1,234.50 CNY"},
			"cancelled mail": {"The box office had to cancel it.", "goes back to you"},
			"refunded mail":  {"500 JPY"},
			"reserved sms":   {"2 tickets for Spirited Away held until 19:21 (UTC+08:00)", "https://box.example/o/o-1"},
			"paid sms":       {"https://box.example/tickets#o-1", "Grand Hall"},
			"cancelled sms":  {"cancelled"},
			"refunded sms":   {"500 JPY"},
		},
		Chinese: {
			"reserved mail":  {"2 \u5f20\u7968", "1,234.50 CNY", "2026\u5e7411\u670818\u65e5 \u661f\u671f\u4e09 19:21"},
			"paid mail":      {"https://box.example/tickets#o-1", "CODE-OF-o-1-2"},
			"cancelled mail": {"\u5df2\u88ab\u552e\u7968\u5904\u53d6\u6d88"},
			"refunded mail":  {"500 JPY"},
			"reserved sms":   {"https://box.example/o/o-1"},
			"paid sms":       {"https://box.example/tickets#o-1"},
			"cancelled sms":  {"\u53d6\u6d88"},
			"refunded sms":   {"500 JPY"},
		},
	} {
		c := aliceBoth
		c.Language = language
		all := newFixture(t).messages(c)
		for name, parts := range want {
			m := all[name]
			for _, part := range parts {
				if !strings.Contains(m.Text, part) {
					t.Errorf("%s, %s: no %q in\n%s", language, name, part, m.Text)
				}
			}
			if strings.Contains(m.Text, "<no value>") || strings.Contains(m.Text, "\n\n\n") {
				t.Errorf("%s, %s is\n%s", language, name, m.Text)
			}
			if m.Channel == ChannelSMS && (m.HTML != "" || m.Subject != "" || m.To != c.Phone) {
				t.Errorf("%s, %s: %+v", language, name, m)
			}
			if m.Channel == ChannelMail {
				wantSamePage(t, m, parts)
			}
		}
	}
}

// wantSamePage tests that the HTML of a mail says what its text says.
func wantSamePage(t *testing.T, m Message, parts []string) {
	t.Helper()
	page, err := html.Parse(strings.NewReader(m.HTML))
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for node := range page.Descendants() {
		if node.Type == html.TextNode {
			said.WriteString(node.Data)
		}
		for _, a := range node.Attr {
			said.WriteString(" " + a.Val + " ")
		}
	}
	for _, part := range parts {
		if !strings.Contains(said.String(), part) {
			t.Errorf("%s, %s: no %q in the page\n%s", m.Language, m.Kind, part, m.HTML)
		}
	}
	if m.Subject == "" || strings.ContainsAny(m.Subject, "\r\n") || m.To != "alice@example.org" {
		t.Errorf("subject %q to %q", m.Subject, m.To)
	}
	if strings.Contains(m.HTML, "ZgotmplZ") || strings.Contains(m.HTML, "<script") {
		t.Errorf("the page is\n%s", m.HTML)
	}
}

// A mail shows the codes of the first tickets as pictures; behind its link are all of an order that has more.
func TestTicketsArePicturesInTheMail(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	f.order("o-1", order.Paid, "")
	f.office.change(func() {
		o := f.office.rows["o-1"]
		o.Quantity = 12
		f.office.rows["o-1"] = o
	})
	f.settle("o-1")
	f.work()
	m, err := f.Message(t.Context(), f.only("o-1").ID)
	if err != nil || m.ID != f.mail.sent[0].ID || m.Text != f.mail.sent[0].Text || m.To != alice.Email {
		t.Fatalf("message %+v, %v", m, err)
	}
	if len(m.Images) != imagesMax || !strings.Contains(m.HTML, `src="cid:ticket-10@boxoffice"`) || strings.Contains(m.HTML, "ticket-11") {
		t.Errorf("%d pictures in\n%s", len(m.Images), m.HTML)
	}
	if !strings.Contains(m.Text, "CODE-OF-o-1-12") || !strings.Contains(m.HTML, "CODE-OF-o-1-12") {
		t.Errorf("the last code is missing in\n%s", m.Text)
	}
	if _, err := png.Decode(bytes.NewReader(m.Images[0].PNG)); err != nil {
		t.Error(err)
	}
	if _, err := f.Message(t.Context(), "nothing"); !errors.Is(err, ErrAbsent) {
		t.Errorf("no message: %v", err)
	}
}

// A title is what somebody typed. It becomes neither a header, nor a line of its own, nor HTML, nor a template.
func TestTitlesStayTitles(t *testing.T) {
	f := newFixture(t)
	f.contact(aliceBoth)
	title := "Ran\r\nBcc: bob@example.org\n\n<script>alert(1)</script>{{.OrderID}}\x00\u2028<b>&" + strings.Repeat("x", 300)
	f.ScreeningOf = func(_ context.Context, id string) (Screening, error) {
		return Screening{ID: id, Movie: title, Venue: title, StartsAt: f.now().Add(time.Hour)}, nil
	}
	f.order("o-1", order.Paid, "")
	f.settle("o-1")
	f.work()
	for _, m := range append(f.mail.sent, f.sms.sent...) {
		if strings.ContainsAny(m.Subject, "\r\n\x00\u2028") || strings.Contains(m.Text, "\nBcc") || strings.Contains(m.Text, "\r") ||
			!strings.Contains(m.Text, "{{.OrderID}}") || len([]rune(m.Subject)) > subjectMax || len([]rune(m.Text)) > 2000 {
			t.Errorf("%s: subject %q\n%s", m.Channel, m.Subject, m.Text)
		}
		if strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "<b>&") {
			t.Errorf("the page is\n%s", m.HTML)
		}
	}
	if len(f.mail.sent) != 1 || len(f.sms.sent) != 1 {
		t.Errorf("sent %s and %s", f.mail.ids(), f.sms.ids())
	}
}

// An office without tickets has nothing to link to.
func TestPaidWithoutTickets(t *testing.T) {
	f := newFixture(t)
	f.Tickets = nil
	f.contact(alice)
	f.order("o-1", order.Paid, "")
	f.settle("o-1")
	f.work()
	if m := f.mail.sent[0]; strings.Contains(m.Text, "/tickets") || strings.Contains(m.HTML, "/tickets") || len(m.Images) > 0 {
		t.Errorf("the mail is\n%s", m.Text)
	}
}

func TestMoneyIsWrittenByItsCurrency(t *testing.T) {
	for _, c := range []struct {
		money event.Money
		want  string
	}{
		{event.Money{Amount: 123_456_789, Currency: "CNY"}, "1,234,567.89 CNY"}, {event.Money{Amount: 5, Currency: "EUR"}, "0.05 EUR"},
		{event.Money{Amount: 9800, Currency: "JPY"}, "9,800 JPY"}, {event.Money{Amount: 1005, Currency: "KWD"}, "1.005 KWD"},
		{event.Money{Amount: 1_000_000, Currency: "HUF"}, "10,000.00 HUF"}, {event.Money{Amount: 5, Currency: "MUR"}, "0.05 MUR"},
		{event.Money{Amount: 100, Currency: "ZZZ"}, "1.00 ZZZ"},
	} {
		for _, language := range []string{English, Chinese} {
			if got := moneyText(c.money, language); got != c.want {
				t.Errorf("%+v in %s is %q, want %q", c.money, language, got, c.want)
			}
		}
	}
}
