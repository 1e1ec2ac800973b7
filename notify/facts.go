package notify

import (
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"strconv"
	"time"

	"github.com/skip2/go-qrcode"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/tickets"
)

const (
	imagesMax   = 10 // QR codes in one mail; behind its link are all
	imagePixels = 240
)

// errNotYet says that an order is on its way, and is to be looked for later.
var errNotYet = errors.New("its order is not there yet")

// facts are what is known, at the time of a try, of what a notification tells.
type facts struct {
	contact   Contact // empty: the buyer has none
	order     order.Order
	exists    bool // the order
	screening Screening
}

// look reads what a notification's text needs, at the time of the try, so that what is sent is true then.
func (s *Service) look(ctx context.Context, r row) (f facts, err error) {
	contacts, err := readContacts(ctx, s.db, []string{r.BuyerID})
	if err != nil {
		return facts{}, s.unavailable(err)
	}
	f.contact = contacts[r.BuyerID]
	orders, err := s.Orders.Find(ctx, r.OrderID)
	if err != nil {
		return facts{}, fmt.Errorf("read order: %w", err)
	}
	if f.order, f.exists = orders[r.OrderID]; !f.exists {
		return f, nil
	}
	if f.screening, err = s.ScreeningOf(ctx, r.ScreeningID); err != nil {
		return facts{}, fmt.Errorf("read screening: %w", err)
	}
	return f, nil
}

// obsolete says why a notification is not sent any more, and is empty for one that is. It fails with errNotYet.
func (f facts) obsolete(r row, now time.Time) (why string, err error) {
	o := f.order
	switch {
	case f.contact.at(r.Channel) == "":
		return whyNoContact, nil
	case !f.exists && now.Sub(time.UnixMilli(r.CreatedAt)) < absentFor:
		return "", errNotYet
	case !f.exists:
		return "its order is gone", nil
	case r.Kind == KindReserved && o.State != order.PendingPayment:
		return "its order does not wait for payment any more", nil
	case r.Kind == KindReserved && o.IsDue(now.UnixMilli()):
		return "the time to pay its order is over", nil
	case r.Kind == KindPaid && o.State != order.Paid:
		return "its order is not paid any more", nil
	case r.Kind == KindPaid && now.Sub(f.screening.StartsAt) > shownFor:
		return "its screening is over", nil
	case r.Kind == KindCancelled && (o.State != order.Cancelled || string(o.CancelReason) != r.About):
		return "its order was paid after all, or cancelled for another reason", nil
	}
	return "", nil
}

// messageOf writes a notification's message. It reads the tickets of one that carries them.
func (s *Service) messageOf(ctx context.Context, r row, f facts) (Message, error) {
	all, err := s.texts()
	if err != nil {
		return Message{}, err
	}
	m := Message{
		ID: r.ID, OrderID: r.OrderID, BuyerID: r.BuyerID, Kind: r.Kind, Channel: r.Channel, To: f.contact.at(r.Channel),
		Language: f.contact.Language, MadeAt: time.UnixMilli(r.CreatedAt).UTC(),
	}
	if m.Language == "" {
		m.Language = English
	}
	w := s.wordsOf(r, f, m.Language)
	if r.Kind == KindPaid && s.Tickets != nil && f.order.State == order.Paid {
		w.TicketsURL = s.PublicURL() + "/tickets#" + r.OrderID
		if r.Channel == ChannelMail {
			if w.Tickets, m.Images, err = s.ticketsOf(ctx, r.OrderID); err != nil {
				return Message{}, err
			}
		}
	}
	return m, all.write(&m, w)
}

// wordsOf are what a message says, but for its tickets.
func (s *Service) wordsOf(r row, f facts, language string) words {
	amount := f.order.Amount
	if r.Kind == KindRefunded {
		amount = event.Money{Amount: r.Amount, Currency: r.Currency}
	}
	const nameMax = 100
	return words{
		Language: language, OrderID: r.OrderID, Movie: oneLine(f.screening.Movie, nameMax), Venue: oneLine(f.screening.Venue, nameMax),
		StartsAt: f.screening.StartsAt.In(s.Location), ExpiresAt: time.UnixMilli(f.order.ExpiresAt).In(s.Location),
		Count: f.order.Quantity, Amount: moneyText(amount, language), Reason: r.About,
		OrderURL: s.PublicURL() + "/o/" + r.OrderID,
	}
}

// ticketsOf reads an order's tickets, and draws the codes of the first ones.
func (s *Service) ticketsOf(ctx context.Context, orderID string) (all []ticketWords, images []Image, err error) {
	found, err := s.Tickets.OfOrder(ctx, orderID)
	if err != nil {
		return nil, nil, fmt.Errorf("read tickets: %w", err)
	}
	for _, ticket := range found {
		if ticket.State == tickets.Void {
			continue
		}
		w := ticketWords{Number: ticket.Number, Of: ticket.Of, Code: ticket.Code}
		if len(images) < imagesMax {
			image := Image{ID: "ticket-" + strconv.Itoa(ticket.Number) + "@boxoffice"}
			if image.PNG, err = s.drawCode(ticket.Code); err != nil {
				return nil, nil, err
			}
			images = append(images, image)
			w.Image = htmltemplate.URL("cid:" + image.ID) // of our own making
		}
		all = append(all, w)
	}
	return all, images, nil
}

func (s *Service) drawCode(code string) ([]byte, error) {
	s.drawing.Lock()
	defer s.drawing.Unlock()
	png, err := qrcode.Encode(code, qrcode.Medium, imagePixels)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	return png, nil
}
