package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"boxoffice/common/outage"
	"boxoffice/common/tracing"
)

const (
	serviceName        = "boxoffice"
	tracesFlushTimeout = 3 * time.Second // of the spans that are left when the office stops
	exportTimeout      = 10 * time.Second
)

// openTracing starts to send traces, if a collector is configured. The exporter and the sampler read the standard
// variables OTEL_EXPORTER_OTLP_... and OTEL_TRACES_SAMPLER by themselves.
func (o *office) openTracing(ctx context.Context) error {
	if !o.config.Traces {
		return nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}))
	if err != nil {
		return fmt.Errorf("set OTEL_EXPORTER_OTLP_ENDPOINT to a collector that takes OTLP over HTTP: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		semconv.ServiceName(serviceName), semconv.ServiceVersion(version()),
		attribute.String("boxoffice.roles", strings.Join(o.config.Roles, ","))), resource.WithFromEnv())
	if err != nil {
		return fmt.Errorf("set OTEL_RESOURCE_ATTRIBUTES to key=value pairs: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithBatcher(
		reportingExporter{exporter, outage.New(o.log.With("part", "traces"), "trace collector", 1)}, sdktrace.WithExportTimeout(exportTimeout)))
	o.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesFlushTimeout)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			o.log.Warn("the last traces are not sent", "error", err)
		}
		return nil
	})
	o.tracer, err = tracing.New(provider)
	return err
}

// reportingExporter logs once that the collector is away, and once that it is back. What it could not send is lost: nobody
// waits for traces.
type reportingExporter struct {
	sdktrace.SpanExporter
	outage *outage.Outage
}

// ExportSpans implements sdktrace.SpanExporter.
func (e reportingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.outage.Observe(e.SpanExporter.ExportSpans(ctx, spans))
	return nil
}
