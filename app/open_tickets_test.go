package app

import (
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

// A screening goes into the archive: it is closed, its file is written, its rows are deleted. Until the last of these it may
// be opened again with all of its orders, so its tickets stay; and those of one that is being restored do.
func TestTicketsStayUntilTheArchiveIsDone(t *testing.T) {
	clock := stocktest.NewClock()
	s := stock.New(stocktest.NewDB(t), stock.Options{Now: clock.Now})
	o := &office{stock: s}
	ctx := t.Context()
	screening, err := s.CreateScreening(ctx, stock.Screening{
		Movie: "M", Venue: "V", StartsAt: clock.Now().Add(time.Hour), Price: event.Money{Amount: 1, Currency: "CNY"}, Capacity: 1,
		SaleOpensAt: clock.Now(), SaleClosesAt: clock.Now().Add(time.Hour),
	}, audit.Act{})
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(40 * 24 * time.Hour)
	var lease stock.ArchiveLease
	for _, step := range []struct {
		name string
		do   func() error
		want bool
	}{
		{"before", func() error { return nil }, false},
		{"closed", func() (err error) {
			lease, err = s.BeginArchive(ctx, screening.ID, "worker", clock.Now().Add(-30*24*time.Hour))
			return err
		}, false},
		{"written", func() error { return s.WrittenArchive(ctx, lease, "file", "", stock.ArchiveSums{}) }, false},
		{"deleted", func() error { return s.FinishArchive(ctx, lease) }, true},
		{"being restored", func() (err error) {
			lease, _, err = s.TakeArchive(ctx, screening.ID, "worker")
			return err
		}, false},
		{"restored", func() error { return s.FinishRestore(ctx, lease) }, false},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got, err := o.isArchived(ctx, screening.ID); err != nil || got != step.want {
			t.Errorf("%s: archived is %t, %v; want %t", step.name, got, err, step.want)
		}
	}
}
