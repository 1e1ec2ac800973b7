package stock

import (
	"boxoffice/common/idform"
	"boxoffice/common/keyset"
)

// PageMax is how many items a page of a list has at most.
const PageMax = 100

const pageDefault = 20

// afterCursor is where a page begins: after what its cursor says; an empty one is the first page, which begins after first.
func afterCursor(cursor string, first keyset.Position) (keyset.Position, error) {
	if cursor == "" {
		return first, nil
	}
	return keyset.Parse(cursor, "", idform.IsID)
}

func pageSize(limit int) int {
	if limit <= 0 {
		return pageDefault
	}
	return min(limit, PageMax)
}
