// Package ddlambda stands in for the metrics side of github.com/DataDog/datadog-lambda-go: change the
// import, and the calls stay as they are.
//
//	func main() {
//		lambda.Start(ddlambda.WrapFunction(handle, nil))
//	}
//
//	func handle(ctx context.Context, event events.SQSEvent) error {
//		ddlambda.Metric("coffee.orders", 1, "size:large", "env:prod")
//		return nil
//	}
//
// The variables of the environment are those of datadog-lambda-go (DD_API_KEY, DD_SITE, DD_FLUSH_TO_LOG,
// DD_ENHANCED_METRICS, …). Tracing is not part of this package. The README says where behaviour differs,
// and why; docs/LAMBDA.md what happens inside.
//
// Nothing here returns an error to a handler or panics because of a metric: what is wrong is counted in
// [Stats] and said once by the log package.
package ddlambda

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"
)

// Names of environment variables, as in datadog-lambda-go.
const (
	DatadogAPIKeyEnvVar         = "DD_API_KEY"
	DatadogKMSAPIKeyEnvVar      = "DD_KMS_API_KEY"
	DatadogSiteEnvVar           = "DD_SITE"
	LogLevelEnvVar              = "DD_LOG_LEVEL"
	ShouldUseLogForwarderEnvVar = "DD_FLUSH_TO_LOG"
	FIPSModeEnvVar              = "DD_LAMBDA_FIPS_MODE"
	DefaultSite                 = "datadoghq.com"
	DefaultEnhancedMetrics      = true
)

// Config has the fields of datadog-lambda-go's. Options here beat variables of the environment.
type Config struct {
	// APIKey is the key of the intake; KMSAPIKey is the same, encrypted by KMS.
	APIKey, KMSAPIKey string
	// ShouldRetryOnFailure does nothing: what fails is always kept and tried again.
	ShouldRetryOnFailure bool
	// ShouldUseLogForwarder chooses log mode: points become lines on stdout, which Datadog's forwarder
	// reads.
	ShouldUseLogForwarder bool
	// BatchInterval does nothing: points are grouped by intervals of 10 s.
	BatchInterval time.Duration
	// Site is the site of the intake, or a full URL.
	Site string
	// DebugLogging does nothing but set the level that warnings are told at.
	DebugLogging bool
	// EnhancedMetrics does nothing, as in datadog-lambda-go: DD_ENHANCED_METRICS does.
	EnhancedMetrics bool
	// HTTPClientTimeout is the most that one flush may take; 0: 5 s.
	HTTPClientTimeout time.Duration
	// FIPSMode chooses AWS's FIPS endpoints and no posting from here; nil: in us-gov-*.
	FIPSMode *bool

	// The fields of the circuit breaker do nothing: retries have a pace of their own.
	CircuitBreakerInterval, CircuitBreakerTimeout time.Duration
	CircuitBreakerTotalFailures                   uint32
	// Those of tracing do nothing.
	DDTraceEnabled, MergeXrayTraces bool
	TraceContextExtractor           func(ctx context.Context, event json.RawMessage) map[string]string

	// Options are those of docs/LAMBDA.md by name, for instance {"format": "distribution_points"}.
	Options map[string]string
}

// options are the library's. Texts that are empty and flags that are false mean "as the environment says".
func (cfg *Config) options() map[string]string {
	options := make(map[string]string)
	if cfg == nil {
		return options
	}
	set := func(name, value string) {
		if value != "" {
			options[name] = value
		}
	}
	set("api_key", cfg.APIKey)
	set("kms_api_key", cfg.KMSAPIKey)
	set("site", cfg.Site)
	if cfg.ShouldUseLogForwarder {
		set("flush_to_log", "true")
	}
	if cfg.DebugLogging {
		set("log_level", "debug")
	}
	if cfg.HTTPClientTimeout > 0 {
		set("flush_timeout_ms", milliseconds(cfg.HTTPClientTimeout))
	}
	if cfg.FIPSMode != nil {
		set("fips_mode", map[bool]string{true: "true", false: "false"}[*cfg.FIPSMode])
	}
	for name, value := range cfg.Options {
		options[name] = value
	}
	return options
}

// Metric records a point of a distribution, now. It is taken at once, also before the first invocation
// and between invocations. Known names with known tags cost neither an allocation nor a system call.
func Metric(metric string, value float64, tags ...string) {
	current().record(metric, value, tags)
}

// Distribution is Metric.
//
// Deprecated: use Metric, as in datadog-lambda-go.
func Distribution(metric string, value float64, tags ...string) {
	current().record(metric, value, tags)
}

// MetricWithTimestamp records a point of a distribution at a time, whole seconds of it.
func MetricWithTimestamp(metric string, value float64, timestamp time.Time, tags ...string) {
	current().recordAt(metric, value, timestamp, tags)
}

// Held is a metric whose name and tags are known already: the fast way in hot code.
type Held struct {
	layer *layer
	name  string
	tags  []string
	id    uint64
	known bool
}

// Hold looks a metric up once. It need not be given back.
func Hold(metric string, tags ...string) *Held { return current().hold(metric, tags) }

// Record records a point, now.
func (h *Held) Record(value float64) {
	if h.known {
		h.layer.push(h.name, h.id, value)
	} else {
		h.layer.record(h.name, value, h.tags) // refused and counted one by one
	}
}

// RecordAt records a point at a time, whole seconds of it.
func (h *Held) RecordAt(value float64, timestamp time.Time) {
	if h.known {
		h.layer.pushAt(h.name, h.id, value, timestamp)
	} else {
		h.layer.recordAt(h.name, value, timestamp, h.tags)
	}
}

// Flush sends everything that waits. The wrappers do so at the end of every invocation; call it in code
// that has none. nil: everything has arrived. pointmill.ErrDeliveryLater: the rest is kept for the next
// flush. pointmill.ErrDeliveryDropped: points were given up, and Stats says how many.
//
// It ends with ctx, or after 5 s (HTTPClientTimeout) if that has no deadline.
func Flush(ctx context.Context) error { return everyLayer(ctx, (*layer).flush) }

// Close flushes everything and ends: for SIGTERM and the end of the process. Later points are refused and
// counted. Answers and ctx as for Flush.
//
//	lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() { ddlambda.Close(context.Background()) }))
func Close(ctx context.Context) error { return everyLayer(ctx, (*layer).close) }

// Mode is where points go: "extension", "log", "http" or "disabled".
func Mode() string { return current().mode() }

// ReadStats is the ledger.
func ReadStats() Stats { return current().stats() }

// LastFailure is what went wrong last, for a line in a log; empty if nothing has. It never holds a key.
func LastFailure() string { return current().lastFailure() }

var invocation atomic.Pointer[context.Context]

// GetContext is the context of the invocation under way, nil between invocations. With several at once it
// is that of the last one that began.
func GetContext() context.Context {
	if ctx := invocation.Load(); ctx != nil {
		return *ctx
	}
	return nil
}

// InvokeDryRun runs a function as a wrapped handler, once, for tests.
func InvokeDryRun(callback func(ctx context.Context), cfg *Config) (interface{}, error) {
	wrapped := WrapFunction(callback, cfg).(func(ctx context.Context, msg json.RawMessage) (interface{}, error))
	return wrapped(context.Background(), json.RawMessage("{}"))
}
