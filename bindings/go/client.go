package pointmill

// #include <stdlib.h>
// #include "pointmill.h"
// int32_t pointmill_go_send(void *user, pointmill_payload *payload, uint64_t timeout_ms);
import "C"

import (
	"context"
	"fmt"
	"log"
	"runtime"
	"runtime/cgo"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/pointmill/pointmill/bindings/go/internal/wait"
)

// SendFunc sends one body for a client and answers as an HTTP server would: 200 to 299 taken; 413 cut
// it in two; 408, 429, 500 and above, or 0 for no answer, keep it and try again; 400, 401, 403 and
// others give it up. ctx ends when the attempt has taken its time. It must not call back into its
// client; several goroutines call it at once if several flush. A panic is logged and tried again.
type SendFunc func(ctx context.Context, payload Payload) int

// Client delivers what an engine flushes, in the background and when Flush is called. What cannot be
// delivered is kept in memory and in the option spool_dir, and [Client.Stats] says where every point
// is. Any number of goroutines may use it at once. With the option background (the default) it lives
// until Close, even if nothing refers to it any more.
type Client struct {
	engine    *Engine
	ownEngine bool
	timeout   time.Duration // of a flush whose context has no deadline
	stop      chan struct{} // closed by Close; ends the background goroutine
	rested    chan struct{} // closed when the background goroutine has ended; nil without one
	owned     clientOwned
	cleanup   runtime.Cleanup

	mu     sync.Mutex
	c      *C.pointmill_client // nil after the last use
	uses   int                 // calls under way, and one for "not closed"
	closed bool
	last   ClientStats // what is known once c is gone
	failed string
}

// NewClient makes an engine and delivers what it flushes. Options are those of [OptionList], of the
// engine, the encoder and delivery alike: {"api_key": key, "site": "datadoghq.eu"}. No connection is
// made yet, so an intake that is down is no error. Close closes the engine too.
func NewClient(options Options) (*Client, error) { return NewClientWith(nil, options, nil) }

// NewClientWith is NewClient for an engine that there is, which the caller closes after the client; nil
// makes one. Bodies go to send; nil stands for the destination of the options.
func NewClientWith(engine *Engine, options Options, send SendFunc) (*Client, error) {
	cl := &Client{engine: engine, stop: make(chan struct{}), uses: 1}
	settings, err := cl.settle(options)
	if err != nil {
		return nil, err
	}
	if engine == nil {
		if cl.engine, err = NewEngine(options); err != nil {
			return nil, err
		}
		cl.ownEngine = true
	}
	if err := cl.connect(settings.options, send); err != nil {
		if cl.ownEngine {
			cl.engine.Close()
		}
		return nil, err
	}
	if settings.background {
		cl.rested = make(chan struct{})
		go cl.run(settings)
	}
	return cl, nil
}

// clientSettings are those that this package heeds itself.
type clientSettings struct {
	options                        Options
	background                     bool
	interval, flushEvery, flushFor time.Duration
}

// settle reads the options that concern the background. The library's own thread knows nothing of the
// rings in Go, so this package flushes from a goroutine and the library is told that it need not.
func (cl *Client) settle(options Options) (clientSettings, error) {
	s := clientSettings{options: make(Options, len(options)+1), background: true}
	number := map[string]uint64{"interval_s": 0, "flush_interval_s": 0, "flush_timeout_ms": 0}
	for _, option := range OptionList() {
		if _, ok := number[option.Name]; ok {
			n, err := strconv.ParseUint(option.Default, 10, 64)
			if err != nil {
				return s, fmt.Errorf("pointmill: the default of %s: %w", option.Name, err)
			}
			number[option.Name] = n
		}
	}
	// The library says what is wrong with a value, if one is.
	config, err := options.config()
	if err != nil {
		return s, err
	}
	C.pointmill_config_free(config)
	for name, value := range options {
		s.options[name] = value
		if _, ok := number[name]; ok {
			if n, err := strconv.ParseUint(value, 10, 64); err == nil {
				number[name] = n
			}
		}
	}
	s.background = options["background"] != "false"
	s.options["background"] = "false"
	s.interval = time.Duration(number["interval_s"]) * time.Second
	s.flushEvery = time.Duration(number["flush_interval_s"]) * time.Second
	s.flushFor = time.Duration(number["flush_timeout_ms"]) * time.Millisecond
	cl.timeout = s.flushFor
	return s, nil
}

func (cl *Client) connect(options Options, send SendFunc) error {
	if err := cl.engine.enter(); err != nil {
		return err
	}
	defer cl.engine.mu.RUnlock()
	config, err := options.config()
	if err != nil {
		return err
	}
	defer C.pointmill_config_free(config)
	detail := newDetail()
	var owned clientOwned
	var status C.int32_t
	if send == nil {
		status = C.pointmill_client_new(cl.engine.c, config, &owned.c, &detail)
	} else {
		// C keeps the address of a number that stands for the function.
		owned.user = C.malloc(C.size_t(unsafe.Sizeof(cgo.Handle(0))))
		*(*cgo.Handle)(owned.user) = cgo.NewHandle(send)
		status = C.pointmill_client_new_with(cl.engine.c, config, C.pointmill_send_fn(C.pointmill_go_send), owned.user, &owned.c, &detail)
	}
	if status != C.POINTMILL_OK {
		owned.free()
		return checkDetail(status, &detail)
	}
	cl.owned, cl.c = owned, owned.c
	cl.cleanup = runtime.AddCleanup(cl, clientOwned.free, owned)
	return nil
}

//export pointmill_go_send
func pointmill_go_send(user unsafe.Pointer, payload *C.pointmill_payload, timeoutMs C.uint64_t) (status C.int32_t) {
	// A panic must not unwind the library's frames: the body is kept and tried again.
	defer func() {
		if cause := recover(); cause != nil {
			log.Printf("pointmill: the SendFunc of a client panicked: %v\n%s", cause, debug.Stack())
			status = 0
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), milliseconds(timeoutMs))
	defer cancel()
	send := (*(*cgo.Handle)(user)).Value().(SendFunc)
	return C.int32_t(send(ctx, payloadOf(payload)))
}

func milliseconds(ms C.uint64_t) time.Duration {
	return time.Duration(min(uint64(ms), uint64(time.Hour/time.Millisecond))) * time.Millisecond
}

// run is the background goroutine: it tells the engine the time at every interval and flushes the
// closed intervals at every multiple of the option flush_interval_s. Points in the rings are handed
// over first, so that they belong to the interval they were recorded in.
func (cl *Client) run(s clientSettings) {
	defer close(cl.rested)
	timer := time.NewTimer(0)
	defer timer.Stop()
	flushAt := nextMultiple(time.Now(), s.flushEvery)
	for {
		now := time.Now()
		if !now.Before(flushAt) || flushAt.Sub(now) > s.flushEvery { // the second: the clock was set back
			flushAt = nextMultiple(now, s.flushEvery)
			cl.flush(FlushClosed, s.flushFor) // what it comes to stands in the ledger
			now = time.Now()
		} else {
			cl.engine.Tick(now)
		}
		next := nextMultiple(now, s.interval)
		if flushAt.Before(next) {
			next = flushAt
		}
		timer.Reset(next.Sub(now))
		select {
		case <-cl.stop:
			return
		case <-timer.C:
		}
	}
}

// nextMultiple is the next time after now that is a multiple of step since 1970, by the wall clock.
func nextMultiple(now time.Time, step time.Duration) time.Time {
	return time.Unix(0, (now.UnixNano()/int64(step)+1)*int64(step))
}

// Engine is the engine whose points are delivered.
func (cl *Client) Engine() *Engine { return cl.engine }

// Flush takes the closed intervals from the engine, with FlushAll the open ones too, and sends them and
// what was kept before. nil: everything has arrived. ErrDeliveryLater: something is kept and will be
// tried again. ErrDeliveryDropped: something was given up, and Stats says how much and why.
//
// It ends with ctx, or without a deadline there after the option flush_timeout_ms. A context that ends
// first makes it return at once with an error that is both ctx's cause and ErrDeliveryLater; the attempt
// under way goes on for the time it had, and nothing is lost.
func (cl *Client) Flush(ctx context.Context, which FlushWhich) error {
	limit, err := wait.Limit(ctx, cl.timeout)
	if err != nil {
		return later(err)
	}
	return await(ctx, func() error { return cl.flush(which, limit) })
}

// Close flushes everything, ends the background, and spools what has not arrived; without a spool it is
// dropped and counted. It closes the engine if NewClient made it. Answers and ctx as for Flush, but that a
// context that has ended already leaves no time for sending. A second call does nothing. Stats and
// LastFailure still tell what they knew.
func (cl *Client) Close(ctx context.Context) error {
	cl.mu.Lock()
	if cl.closed {
		cl.mu.Unlock()
		return nil
	}
	cl.closed = true
	cl.mu.Unlock()
	close(cl.stop)
	limit, err := wait.Limit(ctx, cl.timeout)
	if err != nil {
		return cl.end(0)
	}
	return await(ctx, func() error { return cl.end(limit) })
}

// await runs a call into C, and returns when ctx ends.
func await(ctx context.Context, call func() error) error {
	err, ended := wait.For(ctx, call)
	if !ended {
		return later(err)
	}
	return err
}

// later is both the cause why a context has ended and ErrDeliveryLater.
func later(cause error) error { return fmt.Errorf("%w (%w)", ErrDeliveryLater, cause) }

func (cl *Client) flush(which FlushWhich, limit time.Duration) error {
	c, err := cl.use()
	if err != nil {
		return err
	}
	defer cl.done()
	e := cl.engine
	// As in Engine.Flush. No lock is held while bodies travel.
	e.epoch.Add(1)
	defer e.epoch.Add(1)
	if err := e.enter(); err == nil {
		e.drainAll()
		e.mu.RUnlock()
	}
	return cl.answer(C.pointmill_client_flush(c, C.uint32_t(which), C.uint64_t(limit.Milliseconds())))
}

func (cl *Client) end(limit time.Duration) error {
	e := cl.engine
	if err := e.enter(); err == nil {
		e.drainAll()
		e.mu.RUnlock()
	}
	e.epoch.Add(1)
	err := cl.answer(C.pointmill_client_close(cl.c, C.uint64_t(limit.Milliseconds())))
	e.epoch.Add(1)
	if cl.rested != nil {
		<-cl.rested // its flush, if one was under way, has been ended by the call above
	}
	if cl.ownEngine {
		e.Close()
	}
	cl.done()
	return err
}

// answer makes the error of a flush; what was given up is told with the last failure.
func (cl *Client) answer(status C.int32_t) error {
	if status == C.POINTMILL_E_DELIVERY_DROPPED {
		if failed := lastFailure(cl.c); failed != "" {
			return &Error{Code: CodeDeliveryDropped, Detail: CodeDeliveryDropped.String() + "; the last failure: " + failed}
		}
	}
	return check(status)
}

// use keeps c alive until done.
func (cl *Client) use() (*C.pointmill_client, error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return nil, ErrClosed
	}
	cl.uses++
	return cl.c, nil
}

// done ends a use. The last one frees: after Close, when no call is under way any more.
func (cl *Client) done() {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.uses--; cl.uses > 0 {
		return
	}
	cl.last, cl.failed = clientStats(cl.c), lastFailure(cl.c)
	cl.cleanup.Stop()
	cl.owned.free()
	cl.c = nil
}

// clientOwned is what C holds of a client.
type clientOwned struct {
	c    *C.pointmill_client
	user unsafe.Pointer // a cgo.Handle of the SendFunc, or nil
}

func (o clientOwned) free() {
	C.pointmill_client_free(o.c)
	if o.user != nil {
		(*(*cgo.Handle)(o.user)).Delete()
		C.free(o.user)
	}
}

// ClientStats is the ledger of delivery, in points unless the name says otherwise. While no call is under
// way: Flushed + Adopted = Accepted + Queued + Spooled + HandedOver + Skipped + Dropped. The header
// pointmill.h says what each of them counts.
type ClientStats struct {
	Flushed, Adopted, Accepted, Queued, Spooled, HandedOver, Skipped, Dropped                        uint64
	DroppedQueueFull, DroppedSpoolFull, DroppedSpoolFailed, DroppedExpired, DroppedTooLarge          uint64
	DroppedBadRequest, DroppedForbidden, DroppedRefused, DroppedClosed, DroppedNotEncoded            uint64
	SkippedSketchInScalarFormat, SkippedScalarInSketchFormat, SkippedHistogramInDistributionFormat   uint64
	SkippedTooLarge, SkippedNotFinite, SkippedUnusableName, SkippedNoValues, SkippedExpansionLimit   uint64
	Uncertain, DroppedUncertain                                                                      uint64
	Requests, Failures, FailedConnect, FailedTimeout, FailedTransport, FailedAnswer, FailedThrottled uint64
	FailedServer, FailedStatus, FailedKey, StaleConnections, Splits                                  uint64
	BatchesQueued, BatchesSpooled, QueueBytes, SpoolDamagedFiles                                     uint64
}

// The fields are those of the C struct, in its order, so that one copy moves them. A header with more is
// no danger, one with fewer does not compile.
const _ = uintptr(C.sizeof_pointmill_client_stats - 8 - unsafe.Sizeof(ClientStats{}))

// Balances says whether every point is accounted for; true while no other call is under way.
func (s ClientStats) Balances() bool {
	return s.Flushed+s.Adopted == s.Accepted+s.Queued+s.Spooled+s.HandedOver+s.Skipped+s.Dropped
}

// Stats says where every point is that left the engine through this client.
func (cl *Client) Stats() ClientStats {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.c == nil {
		return cl.last
	}
	return clientStats(cl.c)
}

func clientStats(c *C.pointmill_client) ClientStats {
	var raw C.pointmill_client_stats
	raw.struct_size = C.uint32_t(unsafe.Sizeof(raw))
	if C.pointmill_client_stats_get(c, &raw) != C.POINTMILL_OK {
		return ClientStats{}
	}
	return *(*ClientStats)(unsafe.Pointer(&raw.flushed))
}

// LastFailure is the last failed attempt in words, for a line in a log; empty if none has failed. It never
// holds the key.
func (cl *Client) LastFailure() string {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.c == nil {
		return cl.failed
	}
	return lastFailure(cl.c)
}

func lastFailure(c *C.pointmill_client) string {
	return grow(func(buf *C.char, size C.size_t, n *C.size_t) C.int32_t {
		return C.pointmill_client_last_failure(c, buf, size, n)
	})
}

// grow reads a text whose length C tells.
func grow(read func(buf *C.char, size C.size_t, n *C.size_t) C.int32_t) string {
	for buf := make([]byte, 256); ; {
		var n C.size_t
		status := read((*C.char)(unsafe.Pointer(unsafe.SliceData(buf))), C.size_t(len(buf)), &n)
		if status == C.POINTMILL_OK {
			return string(buf[:n])
		}
		if status != C.POINTMILL_E_BUFFER_TOO_SMALL {
			return ""
		}
		buf = make([]byte, n)
	}
}
