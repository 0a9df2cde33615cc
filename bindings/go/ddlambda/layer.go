package ddlambda

// #cgo CFLAGS: -I${SRCDIR}/../native/include -DPOINTMILL_STATIC
// #cgo noescape pointmill_lambda_record
// #cgo nocallback pointmill_lambda_record
// #cgo noescape pointmill_lambda_record_at
// #cgo nocallback pointmill_lambda_record_at
// #include <stdlib.h>
// #include "pointmill.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	// lambda.Start puts the invoked ARN into the context under a key that only this package has.
	"github.com/aws/aws-lambda-go/lambdacontext"

	// Also links the library.
	"github.com/pointmill/pointmill/bindings/go"
	"github.com/pointmill/pointmill/bindings/go/internal/names"
	"github.com/pointmill/pointmill/bindings/go/internal/pin"
	"github.com/pointmill/pointmill/bindings/go/internal/wait"
)

// When the program was loaded: a first invocation long after it is one of a sandbox that had been
// initialised ahead of time.
var loaded = time.Now()

// Warnings that are shown, at most: a function that does the same wrong thing in every call must not
// fill its log.
const warningsMax = 100

// layer is one object of the library: one for each set of options, which is one for most functions.
// It lives as long as the process.
type layer struct {
	c     *C.pointmill_lambda // nil if it could not be made: nothing is recorded then
	books []book

	mu    sync.Mutex
	shown map[string]bool
}

// book remembers names. There is one for each processor, so that goroutines rarely meet at one.
type book struct {
	mu    sync.Mutex
	names names.Table
	_     [64]byte // the next one's lock is on another cache line
}

var (
	last   atomic.Pointer[layer] // the one that Metric records with
	layers struct {
		sync.Mutex
		all []keyed
	}
)

type keyed struct {
	options map[string]string
	layer   *layer
}

// current is the layer of the last wrapper that was made; one of the environment's options before that.
func current() *layer {
	if l := last.Load(); l != nil {
		return l
	}
	return layerOf(nil)
}

// layerOf is the layer of these options.
func layerOf(cfg *Config) *layer {
	options := cfg.options()
	layers.Lock()
	defer layers.Unlock()
	if cfg == nil {
		// Whoever only wraps does not ask for other options than those in use.
		if l := last.Load(); l != nil {
			return l
		}
	}
	for _, known := range layers.all {
		if maps.Equal(known.options, options) {
			last.Store(known.layer)
			return known.layer
		}
	}
	l := newLayer(options)
	layers.all = append(layers.all, keyed{options, l})
	last.Store(l)
	return l
}

// everyLayer does something for all of them, that of the last wrapper first, and joins the errors.
func everyLayer(ctx context.Context, do func(l *layer, ctx context.Context) error) error {
	layers.Lock()
	all := slices.Clone(layers.all)
	layers.Unlock()
	var failed []error
	for _, known := range slices.Backward(all) {
		failed = append(failed, do(known.layer, ctx))
	}
	return errors.Join(failed...)
}

// newLayer makes a layer. An option that is wrong is told and left out: a function must not fail for it.
func newLayer(options map[string]string) *layer {
	l := &layer{books: make([]book, runtime.NumCPU()), shown: make(map[string]bool)}
	var config *C.pointmill_lambda_config
	if status := C.pointmill_lambda_config_new(C.POINTMILL_LAMBDA_GO, &config); status != C.POINTMILL_OK {
		l.warn(describe(status))
		return l
	}
	defer C.pointmill_lambda_config_free(config)
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		C.pointmill_lambda_config_env(config, borrow(name), borrow(value))
	}
	version := pointmill.Version()
	own := map[string]string{
		"layer_tag":        "pointmill-" + runtime.Version() + "_" + version,
		"library_version":  version,
		"language_version": runtime.Version(),
		"loaded_unix_ms":   strconv.FormatInt(loaded.UnixMilli(), 10),
	}
	for _, some := range []map[string]string{own, options} {
		for _, name := range slices.Sorted(maps.Keys(some)) {
			l.set(config, name, some[name])
		}
	}
	detail := newDetail()
	if status := C.pointmill_lambda_new(config, &l.c, &detail); status != C.POINTMILL_OK {
		l.c = nil
		l.warn("no metrics: " + say(status, &detail))
		return l
	}
	l.showWarnings()
	return l
}

func (l *layer) set(config *C.pointmill_lambda_config, name, value string) {
	key := C.CString(name)
	defer C.free(unsafe.Pointer(key))
	detail := newDetail()
	if status := C.pointmill_lambda_config_set(config, key, borrow(value), &detail); status != C.POINTMILL_OK {
		l.warn(say(status, &detail) + "; it is left out")
	}
}

// lockBook locks the book of this processor.
func (l *layer) lockBook() *book {
	p := pin.Pin()
	pin.Unpin() // only a hint from here on
	b := &l.books[p%len(l.books)]
	b.mu.Lock()
	return b
}

// record records a point, now. A call into C each, not a ring: a handler that hangs next takes no point
// along, for a thread of the library flushes before the deadline.
func (l *layer) record(name string, value float64, tags []string) {
	if l.c == nil {
		return
	}
	if id, known := l.idOf(name, tags); known {
		l.push(name, id, value)
	} else {
		l.recordUnknown(name, value, now, tags) // which counts the cause
	}
}

func (l *layer) push(name string, id uint64, value float64) {
	if status := C.pointmill_lambda_record(l.c, C.uint64_t(id), C.double(value)); status != C.POINTMILL_OK {
		l.check(name, status)
	}
}

func (l *layer) recordAt(name string, value float64, at time.Time, tags []string) {
	if l.c == nil {
		return
	}
	if id, known := l.idOf(name, tags); known {
		l.pushAt(name, id, value, at)
	} else {
		l.recordUnknown(name, value, at.Unix(), tags)
	}
}

func (l *layer) pushAt(name string, id uint64, value float64, at time.Time) {
	if status := C.pointmill_lambda_record_at(l.c, C.uint64_t(id), C.double(value), C.int64_t(at.Unix())); status != C.POINTMILL_OK {
		l.check(name, status)
	}
}

// now stands for the present where a time is expected. No time.Time comes near it.
const now = math.MinInt64

// recordUnknown records by name: for names that the library refuses, by this way with the point and its
// cause counted, and for those that it has no room to remember.
func (l *layer) recordUnknown(name string, value float64, unix int64, tags []string) {
	var few [17]C.pointmill_str
	var pins runtime.Pinner
	defer pins.Unpin()
	list := lend(lend(few[:0], []string{name}, &pins), tags, &pins)
	l.check(name, C.pointmill_lambda_metric_at(l.c, unsafe.SliceData(list), C.size_t(len(list)), C.double(value), C.int64_t(unix), 0))
}

// idOf is the id of a name and tags, asked for once.
func (l *layer) idOf(name string, tags []string) (id uint64, known bool) {
	b := l.lockBook()
	defer b.mu.Unlock()
	id, key, known := b.names.Find(0, name, tags)
	if !known {
		if id, known = l.context(name, tags); known {
			b.names.Put(key, id)
		}
	}
	return id, known
}

func (l *layer) context(name string, tags []string) (id uint64, known bool) {
	var few [17]C.pointmill_str
	var pins runtime.Pinner
	defer pins.Unpin()
	list := lend(lend(few[:0], []string{name}, &pins), tags, &pins)
	var out C.uint64_t
	status := C.pointmill_lambda_context(l.c, unsafe.SliceData(list), C.size_t(len(list)), &out)
	return uint64(out), status == C.POINTMILL_OK
}

func (l *layer) hold(name string, tags []string) *Held {
	h := &Held{layer: l, name: strings.Clone(name), tags: slices.Clone(tags)}
	if l.c != nil {
		h.id, h.known = l.context(name, tags)
	}
	return h
}

// begin begins an invocation.
func (l *layer) begin(ctx context.Context) (token C.uint64_t, begun bool) {
	if l.c == nil {
		return 0, false
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	var raw C.pointmill_lambda_invocation
	raw.struct_size = C.uint32_t(unsafe.Sizeof(raw))
	if deadline, ok := ctx.Deadline(); ok {
		raw.deadline_unix_ms = C.int64_t(deadline.UnixMilli())
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		raw.invoked_function_arn = lendOne(lc.InvokedFunctionArn, &pins)
		raw.request_id = lendOne(lc.AwsRequestID, &pins)
	}
	status := C.pointmill_lambda_begin(l.c, &raw, &token)
	if status != C.POINTMILL_OK {
		l.warn(describe(status))
	}
	return token, status == C.POINTMILL_OK
}

// end ends an invocation and sends what waits, within the time there is.
func (l *layer) end(token C.uint64_t, begun, failed bool) {
	if !begun {
		return
	}
	result := C.pointmill_lambda_result{batch_item_failures: -1, time_to_first_byte_ms: -1}
	result.struct_size = C.uint32_t(unsafe.Sizeof(result))
	if failed {
		result.error = 1
	}
	var budget C.uint64_t
	if status := C.pointmill_lambda_end(l.c, token, &result, &budget); status != C.POINTMILL_OK {
		l.warn(describe(status))
	}
	if budget > 0 {
		// What it comes to stands in the ledger.
		until := time.Now().Add(time.Duration(budget) * time.Millisecond)
		C.pointmill_lambda_flush(l.c, budget)
		l.flushOthers(until)
	}
	l.showWarnings()
}

// flushOthers sends the points that were recorded with other options, before the handler was wrapped.
func (l *layer) flushOthers(until time.Time) {
	layers.Lock()
	all := layers.all
	layers.Unlock()
	for _, other := range all {
		if other.layer != l && other.layer.c != nil {
			C.pointmill_lambda_flush(other.layer.c, C.uint64_t(max(0, time.Until(until).Milliseconds())))
			other.layer.showWarnings()
		}
	}
}

func (l *layer) flush(ctx context.Context) error {
	return l.await(ctx, func(limit C.uint64_t) C.int32_t { return C.pointmill_lambda_flush(l.c, limit) })
}

func (l *layer) close(ctx context.Context) error {
	return l.await(ctx, func(limit C.uint64_t) C.int32_t { return C.pointmill_lambda_close(l.c, limit) })
}

// await runs a call into C, and returns when ctx ends; then the call goes on until its own limit.
func (l *layer) await(ctx context.Context, call func(limit C.uint64_t) C.int32_t) error {
	if l.c == nil {
		return nil
	}
	limit, err := wait.Limit(ctx, l.flushTimeout())
	ended := false
	if err == nil {
		err, ended = wait.For(ctx, func() error {
			status := call(C.uint64_t(limit.Milliseconds()))
			l.showWarnings()
			if status == C.POINTMILL_OK {
				return nil
			}
			return &pointmill.Error{Code: pointmill.Code(status), Detail: describe(status)}
		})
	}
	if err != nil && !ended {
		return fmt.Errorf("%w (%w)", pointmill.ErrDeliveryLater, err)
	}
	return err
}

func (l *layer) flushTimeout() time.Duration {
	ms, err := strconv.Atoi(l.setting("flush_timeout_ms"))
	if err != nil {
		return 5 * time.Second
	}
	return time.Duration(ms) * time.Millisecond
}

// setting is a setting in effect.
func (l *layer) setting(name string) string {
	key := C.CString(name)
	defer C.free(unsafe.Pointer(key))
	var out C.pointmill_str
	if C.pointmill_lambda_setting(l.c, key, &out) != C.POINTMILL_OK {
		return ""
	}
	return C.GoStringN(out.ptr, C.int(out.len))
}

func (l *layer) mode() string {
	mode := C.uint32_t(C.POINTMILL_LAMBDA_DISABLED)
	if l.c != nil {
		C.pointmill_lambda_mode(l.c, &mode)
	}
	switch mode {
	case C.POINTMILL_LAMBDA_EXTENSION:
		return "extension"
	case C.POINTMILL_LAMBDA_LOG:
		return "log"
	case C.POINTMILL_LAMBDA_HTTP:
		return "http"
	}
	return "disabled"
}

// Stats is the ledger, in points unless the name says otherwise. While nothing is under way: Recorded =
// Pending + Accepted + Queued + every Rejected… + every Dropped…. The header pointmill.h says what each of
// them counts.
type Stats struct {
	Recorded, Pending, Accepted, Queued                                   uint64
	RejectedNotFinite, RejectedInvalidName, RejectedTooOld, RejectedStale uint64
	RejectedNoRoom, RejectedClosed                                        uint64
	RejectedBadName, RejectedBadValue, RejectedBadTime, RejectedBadTags   uint64
	DroppedDisabled, DroppedBufferFull, DroppedDelivery, DroppedArenaFull uint64
	Overflowed, UTF8Mended, Enhanced, Spilled                             uint64 // counted elsewhere too
	Flushes, FlushFailures, DeadlineFlushes, KeyLookups, KeyFailures      uint64
	Invocations, InvocationsOpen                                          uint64
}

// The fields are those of the C struct, in its order, so that one copy moves them. A header with more is
// no danger, one with fewer does not compile.
const _ = uintptr(C.sizeof_pointmill_lambda_stats - 8 - unsafe.Sizeof(Stats{}))

// Balances says whether every point is accounted for; true while no other call is under way.
func (s Stats) Balances() bool {
	return s.Recorded == s.Pending+s.Accepted+s.Queued+
		s.RejectedNotFinite+s.RejectedInvalidName+s.RejectedTooOld+s.RejectedStale+s.RejectedNoRoom+s.RejectedClosed+
		s.RejectedBadName+s.RejectedBadValue+s.RejectedBadTime+s.RejectedBadTags+
		s.DroppedDisabled+s.DroppedBufferFull+s.DroppedDelivery+s.DroppedArenaFull
}

func (l *layer) stats() Stats {
	var raw C.pointmill_lambda_stats
	raw.struct_size = C.uint32_t(unsafe.Sizeof(raw))
	if l.c == nil || C.pointmill_lambda_stats_get(l.c, &raw) != C.POINTMILL_OK {
		return Stats{}
	}
	return *(*Stats)(unsafe.Pointer(&raw.recorded))
}

func (l *layer) lastFailure() string {
	if l.c == nil {
		return ""
	}
	return read(func(buf *C.char, size C.size_t, n *C.size_t) C.int32_t {
		return C.pointmill_lambda_last_failure(l.c, buf, size, n)
	})
}

// showWarnings tells what the library has to say to a person.
func (l *layer) showWarnings() {
	text := read(func(buf *C.char, size C.size_t, n *C.size_t) C.int32_t {
		return C.pointmill_lambda_warnings(l.c, buf, size, n)
	})
	for line := range strings.Lines(text) {
		l.warn(strings.TrimSuffix(line, "\n"))
	}
}

// check tells of a point that was refused.
func (l *layer) check(name string, status C.int32_t) {
	if status == C.POINTMILL_OK {
		return
	}
	const most = 80
	if len(name) > most {
		name = name[:most] + "…"
	}
	l.warn(fmt.Sprintf("%q: %s; the point is left out", name, describe(status)))
}

// warn says something once.
func (l *layer) warn(text string) {
	l.mu.Lock()
	known := l.shown[text] || len(l.shown) >= warningsMax
	if !known {
		l.shown[text] = true
	}
	l.mu.Unlock()
	if !known {
		log.Print("pointmill: " + text)
	}
}

// describe says cause and remedy of a code.
func describe(status C.int32_t) string { return pointmill.Code(status).String() }

func newDetail() C.pointmill_error {
	var detail C.pointmill_error
	detail.struct_size = C.uint32_t(unsafe.Sizeof(detail))
	return detail
}

func say(status C.int32_t, detail *C.pointmill_error) string {
	if said := C.GoString(&detail.detail[0]); said != "" {
		return said
	}
	return describe(status)
}

// borrow lends a text to one C call that takes it as an argument of its own.
func borrow(s string) C.pointmill_str {
	return C.pointmill_str{ptr: (*C.char)(unsafe.Pointer(unsafe.StringData(s))), len: C.size_t(len(s))}
}

// lend lends texts that C reads through Go's memory, so they are pinned until the call has returned.
func lend(few []C.pointmill_str, texts []string, pins *runtime.Pinner) []C.pointmill_str {
	for _, text := range texts {
		few = append(few, lendOne(text, pins))
	}
	return few
}

func lendOne(text string, pins *runtime.Pinner) C.pointmill_str {
	if text != "" {
		pins.Pin(unsafe.StringData(text))
	}
	return borrow(text)
}

// read reads a text whose length C tells.
func read(from func(buf *C.char, size C.size_t, n *C.size_t) C.int32_t) string {
	for buf := make([]byte, 256); ; {
		var n C.size_t
		status := from((*C.char)(unsafe.Pointer(unsafe.SliceData(buf))), C.size_t(len(buf)), &n)
		if status == C.POINTMILL_OK {
			return string(buf[:n])
		}
		if status != C.POINTMILL_E_BUFFER_TOO_SMALL {
			return ""
		}
		buf = make([]byte, n)
	}
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(1, d.Milliseconds()), 10)
}
