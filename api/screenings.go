package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/stock"
)

// listScreenings answers one page of screenings, by their start; those whose sale is over, when only they are asked for, latest
// first.
func (h *handler) listScreenings(c echo.Context) error {
	cursor, limit, err := listOfScreenings.pageQuery(c)
	if err != nil {
		return err
	}
	which, err := salesQuery(c)
	if err != nil {
		return err
	}
	items, next, err := h.Stock.Screenings(traced(c), which, cursor, limit)
	if err != nil {
		return listError(err)
	}
	page := listAnswer[screeningAnswer]{Items: make([]screeningAnswer, len(items)), NextCursor: listOfScreenings.cursor(next)}
	now := h.Now()
	for i, item := range items {
		page.Items[i] = newScreeningAnswer(item, now)
	}
	return answer(c, http.StatusOK, page)
}

// getScreening answers one screening.
func (h *handler) getScreening(c echo.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	screening, err := h.Stock.Screening(traced(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, newScreeningAnswer(screening, h.Now()))
}

// salesQuery returns which screenings the parameter closed selects; without it, all.
func salesQuery(c echo.Context) (stock.SaleFilter, error) {
	switch given := c.QueryParams()["closed"]; {
	case len(given) == 0:
		return stock.AnySale, nil
	case len(given) == 1 && given[0] == "false":
		return stock.UpcomingSale, nil
	case len(given) == 1 && given[0] == "true":
		return stock.ClosedSale, nil
	}
	return 0, problemError{kind: malformed, detail: "closed must be true or false, given once."}
}

// addScreening adds a screening, with an id that the stock service makes.
func (h *handler) addScreening(c echo.Context, caller string) error {
	var body screeningBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	if invalidField := body.invalidField(); invalidField.Code != "" {
		return telling(invalid, invalidField)
	}
	act, err := newSmallAct(c, caller, body.Note)
	if err != nil {
		return err
	}
	screening, err := h.Stock.CreateScreening(traced(c), body.screening(), act)
	if err != nil {
		return screeningProblem(err, true)
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/screenings/"+screening.ID)
	return answer(c, http.StatusCreated, newScreeningAnswer(screening, h.Now()))
}

// changeScreening changes what is shown of a screening, and how it is sold. What the body leaves out stays as it is.
func (h *handler) changeScreening(c echo.Context, caller string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	var body screeningChangeBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	if invalidField := body.invalidField(); invalidField.Code != "" {
		return telling(invalid, invalidField)
	}
	act, err := newSmallAct(c, caller, body.Note)
	if err != nil {
		return err
	}
	screening, err := h.Stock.ChangeScreening(traced(c), id, body.change(act))
	if err != nil {
		return screeningProblem(err, false)
	}
	return answer(c, http.StatusOK, newScreeningAnswer(screening, h.Now()))
}
