package demo

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/streams"
)

// RunUntil runs an application until done returns, or until ctx ends.
func RunUntil(ctx context.Context, app *streams.App, done func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	waited := make(chan error, 1)
	// Started here, ends the application, and ends with ctx.
	go func() {
		defer cancel()
		waited <- done(ctx)
	}()
	err := app.Run(ctx)
	cancel()
	if waitErr := <-waited; !errors.Is(waitErr, context.Canceled) {
		err = errors.Join(err, waitErr)
	}
	return err
}

// WaitCaughtUp returns when the group has had no lag in the topics, those of repartitioning included, for a while.
func (c *Cluster) WaitCaughtUp(ctx context.Context, group string, topics []string, while time.Duration) error {
	ticker := time.NewTicker(min(while/3+time.Millisecond, 100*time.Millisecond))
	defer ticker.Stop()
	since := time.Now()
	for {
		caughtUp, err := c.caughtUp(ctx, group, topics)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || !caughtUp {
			since = time.Now()
		}
		if time.Since(since) >= while {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// caughtUp asks for the committed offsets first: what had been sent to a repartition topic by then is below its end.
func (c *Cluster) caughtUp(ctx context.Context, group string, topics []string) (bool, error) {
	committed, err := c.admin.FetchOffsets(ctx, group)
	if err != nil {
		return false, err
	}
	ends, err := c.endOffsets(ctx, topics...)
	if err != nil {
		return false, err
	}
	caughtUp := true
	ends.Each(func(end kadm.ListedOffset) {
		at, ok := committed.Lookup(end.Topic, end.Partition)
		caughtUp = caughtUp && (end.Offset == 0 || ok && at.At >= end.Offset)
	})
	return caughtUp, nil
}

// StateDir is dir, or if that is empty a temporary directory, which remove removes.
func StateDir(dir string) (path string, remove func() error, err error) {
	if dir != "" {
		return dir, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", "millstream-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// Logger writes to standard error: warnings, and if verbose what the library does.
func Logger(verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
