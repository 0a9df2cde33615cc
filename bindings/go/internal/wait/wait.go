// Package wait runs calls into C that take their time, for as long as a context allows.
package wait

import (
	"context"
	"time"
)

// Limit is how long a call may take: until the deadline of ctx, or for the time given if there is none.
// A context that has ended is an error.
func Limit(ctx context.Context, otherwise time.Duration) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return otherwise, nil
	}
	return max(time.Until(deadline), time.Millisecond), nil
}

// For runs a call and returns when it or ctx ends, whichever comes first. The call itself cannot be
// cancelled: it goes on in its goroutine until its own limit.
func For(ctx context.Context, call func() error) (err error, ended bool) {
	if ctx.Done() == nil {
		return call(), true
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err, true
	case <-ctx.Done():
		return context.Cause(ctx), false
	}
}
