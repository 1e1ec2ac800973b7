package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/app/settings"
	"boxoffice/live"
)

// buyerStreams is how many streams one buyer may have open: more than a person has tabs, and few enough that one buyer
// cannot take the places of many. One more ends the oldest.
const buyerStreams = 10

// openLive opens what streams of orders and screenings come from, in a process that serves them.
func (o *office) openLive(ctx context.Context) error {
	if !o.config.HasRole(settings.RoleAPI) || o.config.MaxStreams == 0 {
		return nil
	}
	looks := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "boxoffice_stream_look_seconds",
		Help:    "Time of a look at the orders, or the screenings, that streams are open for.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
	}, []string{"kind", "result"})
	o.live = live.New(live.Options{
		Orders: o.orders, Screenings: o.stock,
		Streams: o.config.MaxStreams, BuyerStreams: buyerStreams, AddressStreams: o.config.AddressStreams,
		Log: o.log.With("part", "live"), OrdersAway: o.unwatched("live", orderProbe),
		OnLook: func(kind string, took time.Duration, err error) {
			result := "ok"
			if err != nil {
				result = "failed"
			}
			looks.WithLabelValues(kind, result).Observe(took.Seconds())
		},
	})
	o.toldDecided.Store(o.live)
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "boxoffice_streams_open", Help: "Streams of orders and screenings that are open in this process.",
	}, func() float64 { return float64(o.live.Open()) })
	o.goUntilClose(ctx, o.live.Run)
	return errors.Join(o.registry.Register(looks), o.registry.Register(open))
}
