package sale

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"boxoffice/common/tracing"
	"boxoffice/stock"
)

// withTraces returns ctx with the traces of those purchases that are sampled.
func withTraces(ctx context.Context, tracer *tracing.Tracer, list []*purchase) context.Context {
	if !tracer.On() {
		return ctx
	}
	var traces tracing.List
	for _, p := range list {
		for _, c := range p.calls {
			traces = traces.Add(c.Context(), p.order.ID)
		}
	}
	return tracing.With(ctx, traces)
}

// traceWaits shows how long each call has waited for its list.
func traceWaits(tracer *tracing.Tracer, calls []*call) {
	if !tracer.On() {
		return
	}
	for _, c := range calls {
		_, step := tracing.Start(c.Context(), "wait for a list", trace.WithTimestamp(c.Came))
		step.End(nil)
	}
}

// logReserved tells at level debug what was reserved for whom.
func logReserved(ctx context.Context, log *slog.Logger, l stock.ReservationList) {
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for _, o := range l.Orders {
		log.DebugContext(ctx, "reserved", "order_id", o.ID, "buyer_id", o.BuyerID, "screening_id", o.ScreeningID,
			"quantity", o.Quantity, "tx_id", l.TxID)
	}
}
