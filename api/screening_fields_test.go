package api

import (
	"errors"
	"testing"

	"boxoffice/stock"
)

// A field that stock comes to judge needs words here; without them its caller would only hear that some value is wrong.
func TestEachFieldThatStockJudgesHasItsWords(t *testing.T) {
	fields := constantsOf(sources(t), "stock", "Field")
	if len(fields) < 14 {
		t.Fatalf("found only %q", fields)
	}
	for _, field := range fields {
		if field == string(stock.FieldID) { // stock makes it
			continue
		}
		err := screeningProblem(stock.InvalidFieldError{Field: stock.Field(field)}, false)
		if problem, ok := errors.AsType[problemError](err); !ok || problem.kind != invalid || problem.said.Code == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
}
