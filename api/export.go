package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/inquiry"
)

// exportTimeout bounds an export as a whole: a million orders take some minutes over a slow line.
const exportTimeout = time.Hour

// byteOrderMark tells Excel that a file is UTF-8.
const byteOrderMark = "\ufeff"

// exportColumns are the columns of an export, named as in JSON. Amounts are minor units.
func exportColumns() []string {
	return []string{
		"id", "created_at", "status", "cancel_reason", "screening_id", "buyer_id", "quantity", "amount", "currency",
		"received", "refunded", "payment_id", "provider", "tickets", "settled_at",
	}
}

func exportRecord(r inquiry.Row) []string {
	settled := ""
	if !r.SettledAt.IsZero() {
		settled = formatTime(r.SettledAt)
	}
	integer := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		r.ID, formatMilliseconds(r.CreatedAt), string(r.Status), string(r.CancelReason), harmless(r.ScreeningID), harmless(r.BuyerID),
		integer(r.Quantity), integer(r.Amount.Amount), harmless(r.Amount.Currency), integer(r.Received), integer(r.Refunded),
		harmless(r.PaidBy), harmless(r.Provider), string(r.Tickets), settled,
	}
}

// harmless puts an apostrophe before what a spreadsheet would run as a formula: buyers choose their names, and providers the
// ids of payments (OWASP, CSV injection). A spreadsheet whose list separator is a semicolon or a tab splits a text there,
// whatever the quotes around it, so that a formula can begin in its middle, too.
func harmless(text string) string {
	var safe strings.Builder
	begins := true // a cell does, here
	for i := range len(text) {
		if begins && startsFormula(text[i:]) {
			safe.WriteByte('\'')
		}
		safe.WriteByte(text[i])
		begins = strings.IndexByte(cellSeparators, text[i]) >= 0
	}
	return safe.String()
}

// cellSeparators end a cell in a spreadsheet of some country, besides the comma, which the quotes of CSV protect.
const cellSeparators = ";\t\r\n"

// startsFormula tells whether a cell that begins with text may be run, also when its quotes are taken away.
func startsFormula(text string) bool {
	cell := strings.TrimLeft(text, `"`)
	return cell != "" && strings.IndexByte("=+-@\t\r\n", cell[0]) >= 0
}

// exportOrders answers orders as CSV (RFC 4180), the oldest first, while they are read. An answer that fails after its
// first row ends in the middle, and its connection is closed without the end of the body, which tells the client.
func (h *handler) exportOrders(c echo.Context, _ string) error {
	filter, period, bom, err := exportQuery(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(traced(c), exportTimeout)
	defer cancel()
	e := newExporter(c, bom)
	err = h.Operators.Desk.Export(ctx, filter, period, e.page)
	if err == nil {
		err = e.page(nil) // the first line, when there are no orders
	}
	if err != nil && c.Response().Committed {
		if c.Request().Context().Err() == nil {
			h.Log.WarnContext(ctx, "an export of orders ends in the middle", "error", err)
		}
		e.cutOff()
	}
	return err
}

// exportQuery reads what is to be exported, and whether it begins with a byte order mark.
func exportQuery(c echo.Context) (f inquiry.Filter, period inquiry.Period, bom bool, err error) {
	if f, err = orderFilter(c); err != nil {
		return f, period, false, err
	}
	if f.OrderID != "" || f.PaymentID != "" || f.BuyerID != "" {
		return f, period, false, problemError{kind: malformed, detail: "An export is of a screening, a state and a period; list single orders."}
	}
	if period.From, err = timeQuery(c.QueryParams(), "from"); err != nil {
		return f, period, false, err
	}
	if period.Until, err = timeQuery(c.QueryParams(), "to"); err != nil {
		return f, period, false, err
	}
	if !period.Until.IsZero() && period.From.After(period.Until) {
		return f, period, false, problemError{kind: malformed, detail: "from must not be after to."}
	}
	switch given := c.QueryParams()["bom"]; {
	case len(given) == 0, len(given) == 1 && given[0] == "false":
	case len(given) == 1 && given[0] == "true":
		bom = true
	default:
		err = problemError{kind: malformed, detail: "bom must be true or false, given once."}
	}
	return f, period, bom, err
}

// exporter writes pages of orders to a client, with a deadline for each page in place of the server's for the whole answer.
type exporter struct {
	response   *echo.Response
	controller *http.ResponseController
	bom        bool
	buffer     *bufio.Writer
	rows       *csv.Writer
}

func newExporter(c echo.Context, bom bool) *exporter {
	buffer := bufio.NewWriterSize(c.Response(), 64<<10)
	rows := csv.NewWriter(buffer)
	rows.UseCRLF = true
	return &exporter{c.Response(), http.NewResponseController(c.Response()), bom, buffer, rows}
}

// page writes some orders, and before the first of them the header.
func (e *exporter) page(orders []inquiry.Row) error {
	if err := e.extend(time.Now().Add(AnswerTimeout)); err != nil {
		return err
	}
	if !e.response.Committed {
		if err := e.begin(); err != nil {
			return err
		}
	}
	for _, o := range orders {
		if err := e.rows.Write(exportRecord(o)); err != nil {
			return err
		}
	}
	e.rows.Flush()
	if err := errors.Join(e.rows.Error(), e.buffer.Flush()); err != nil {
		return err
	}
	return supported(e.controller.Flush())
}

// begin writes the headers of the answer and the first line.
func (e *exporter) begin() error {
	header := e.response.Header()
	header.Set(echo.HeaderContentType, "text/csv; charset=utf-8; header=present")
	header.Set(echo.HeaderContentDisposition, `attachment; filename="orders.csv"`)
	e.response.WriteHeader(http.StatusOK)
	if e.bom {
		if _, err := io.WriteString(e.buffer, byteOrderMark); err != nil {
			return err
		}
	}
	return e.rows.Write(exportColumns())
}

// extend moves the deadline of writing. That of reading goes: once it passes, the server would take the client for gone.
func (e *exporter) extend(deadline time.Time) error {
	return errors.Join(supported(e.controller.SetWriteDeadline(deadline)), supported(e.controller.SetReadDeadline(time.Time{})))
}

// cutOff keeps the server from ending the body, so that the client sees that it is not complete.
func (e *exporter) cutOff() { _ = e.controller.SetWriteDeadline(time.Unix(1, 0)) }

// supported drops the error of a response that has no connection, which is a test's.
func supported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
