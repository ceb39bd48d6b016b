package connect

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// repeat calls the sink until it succeeds, the context ends, or the error is one that no repetition cures.
func (r *Runner[K, V]) repeat(ctx context.Context, what string, call func(context.Context) error) error {
	return r.repeatWhile(ctx, what, call, func() error { return nil })
}

// repeatWhile calls between before each repetition; its error ends it.
func (r *Runner[K, V]) repeatWhile(
	ctx context.Context, what string, call func(context.Context) error, between func() error,
) error {
	defer r.board.works(what)
	backoff := r.config.BackoffMin
	warned := time.Time{}
	for {
		err := call(ctx)
		if err == nil || final(err) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Since(warned) > warnEvery {
			warned = time.Now()
			r.config.Logger.Warn("the sink does not work: trying again", "call", what, "error", err)
		}
		r.board.failed(what, err)
		if err := pause(ctx, backoff/2+rand.N(backoff/2+1)); err != nil {
			return err
		}
		if err := between(); err != nil {
			return err
		}
		backoff = min(2*backoff, r.config.BackoffMax)
	}
}

// warnEvery is the time between two warnings for one lasting trouble.
const warnEvery = 30 * time.Second

func final(err error) bool {
	var refused *RefusedError
	var setup *SetupError
	var lost *LostRecordsError
	return errors.As(err, &refused) || errors.As(err, &setup) || errors.As(err, &lost) || errors.Is(err, ErrFenced)
}

// pause returns after d, or with the cause of the context's end.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
