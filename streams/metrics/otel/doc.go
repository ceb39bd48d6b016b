// Package otel shows the metrics of an application to OpenTelemetry, as observable instruments of a meter of yours:
//
//	registration, err := otel.Register(provider.Meter("millstream"), app, streams.TaskLevel)
//
// docs/metrics.md lists them. It is a module of its own, so that only who uses it has OpenTelemetry's API among its
// dependencies; it needs no SDK.
package otel
