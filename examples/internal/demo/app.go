package demo

import (
	"context"
	"errors"
	"log/slog"
	"os"

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
