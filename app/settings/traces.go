package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The standard variables of OpenTelemetry by which traces are switched on. All others of OTEL_EXPORTER_OTLP_... and
// OTEL_TRACES_... are read where they are used.
const (
	envTracesEndpoint  = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envOTLPEndpoint    = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesProtocol  = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	envOTLPProtocol    = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envTracesExporter  = "OTEL_TRACES_EXPORTER"
	envSDKDisabled     = "OTEL_SDK_DISABLED"
	envTracesSampler   = "OTEL_TRACES_SAMPLER"
	envTracesSampleArg = "OTEL_TRACES_SAMPLER_ARG"

	otlpProtocol = "http/protobuf"
)

// readTraces tells whether traces are sent: when an endpoint is named. Values that OpenTelemetry would replace by its
// defaults are refused: a sampler that was misspelt would sample everything.
func readTraces(getenv func(string) string) (on bool, err error) {
	exporter := getenv(envTracesExporter)
	if strings.EqualFold(getenv(envSDKDisabled), "true") || exporter == "none" || getenv(envTracesEndpoint) == "" && getenv(envOTLPEndpoint) == "" {
		return false, nil
	}
	if exporter != "" && exporter != "otlp" {
		return false, fmt.Errorf("set %s to otlp or none: there is no other exporter", envTracesExporter)
	}
	for _, name := range []string{envTracesProtocol, envOTLPProtocol} {
		if protocol := getenv(name); protocol != "" && protocol != otlpProtocol {
			return false, fmt.Errorf("set %s to %s, and the endpoint to a port of the collector that speaks it, mostly 4318", name, otlpProtocol)
		}
	}
	if err := checkCollector(getenv); err != nil {
		return false, err
	}
	return true, checkSampler(getenv(envTracesSampler), getenv(envTracesSampleArg))
}

func checkSampler(sampler, arg string) error {
	samplers := []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
	if sampler != "" && !slices.Contains(samplers, sampler) {
		return fmt.Errorf("set %s to one of %s", envTracesSampler, strings.Join(samplers, ", "))
	}
	if !strings.HasSuffix(sampler, "traceidratio") || arg == "" {
		return nil
	}
	if ratio, err := strconv.ParseFloat(arg, 64); err != nil || ratio < 0 || ratio > 1 {
		return errors.New("set " + envTracesSampleArg + " to a ratio between 0 and 1: 0.01 is one trace in a hundred")
	}
	return nil
}
