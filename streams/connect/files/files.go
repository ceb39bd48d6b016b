// Package files reads the lines of files that grow, such as logs: each complete line becomes a record, once, across
// kills and rotation. A file may be renamed and begun anew, or copied and emptied (logrotate's create and
// copytruncate).
//
// The place in a file is known by what is in front of it: the bytes at its start and those before the place. So a
// file is found again under whatever name it has by then, also on another machine that sees the same directory. What
// must be kept is a rotated file until it has been read; compressed ones are passed over.
package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
)

// Config says what is read.
type Config[K, V any] struct {
	// Paths are the files, one for each split: SourceConfig.Splits is their number. They need not exist yet.
	Paths []string
	// Record makes a record of a line; with ok false the line is left out. It must not keep Line.Text.
	Record func(line Line) (record streams.Record[K, V], ok bool)
	// Rotated are the names that a rotated file may have, as a pattern of filepath.Match behind its path. Default: ".*"
	// and "-*". They are read in the order of their last change, those that are there at the first start included. Of
	// two that were changed at the same time, app.log.2 comes before app.log.1, and else the names decide.
	Rotated []string
	// Lines is the most lines of one transaction. Default: 1,000.
	Lines int
	// LineBytes is the longest line. A longer one is a SetupError. Default: 1 MB.
	LineBytes int
	// Settle is how long a file that was renamed may still be written to by who has it open. Default: 2 s.
	Settle time.Duration
	// AcceptLost goes on with the present file where the one that was being read is gone. By default that is a LostError.
	AcceptLost bool
	// Logger gets the log. Default: slog.Default().
	Logger *slog.Logger
}

// Line is a line of a file.
type Line struct {
	Text   []byte // without its end, \n or \r\n
	Path   string // of Config.Paths, whatever the file is called by now
	Offset int64  // at which it begins in its file
}

// LostError means that the file in which a split had come to an offset is gone: emptied without a copy, deleted, or
// compressed before it was read. What was behind the offset is lost. Bring the file back, or set Config.AcceptLost.
type LostError struct {
	Path   string
	Offset int64
}

func (e *LostError) Error() string {
	return fmt.Sprintf("files: the file %s that was read to offset %d is gone, and with it what came behind: bring it "+
		"back beside the present one, or set Config.AcceptLost", e.Path, e.Offset)
}

// New makes the source of files.
func New[K, V any](config Config[K, V]) connect.Source[K, V] {
	if config.Lines == 0 {
		config.Lines = 1000
	}
	if config.LineBytes == 0 {
		config.LineBytes = 1 << 20
	}
	if config.Settle == 0 {
		config.Settle = 2 * time.Second
	}
	if config.Rotated == nil {
		config.Rotated = []string{".*", "-*"}
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	return source[K, V]{config}
}

type source[K, V any] struct{ config Config[K, V] }

func (c Config[K, V]) validate(split int32) error {
	switch {
	case c.Record == nil:
		return errors.New("files: Record is needed")
	case int(split) >= len(c.Paths):
		return fmt.Errorf("files: there is no path for split %d: SourceConfig.Splits must be the number of Paths, %d", split,
			len(c.Paths))
	case c.Lines < 1 || c.LineBytes < 1 || c.Settle < 0:
		return errors.New("files: Lines, LineBytes and Settle must be above 0")
	}
	return nil
}

func (s source[K, V]) Open(_ context.Context, split int32, position []byte) (connect.Reader[K, V], error) {
	if err := s.config.validate(split); err != nil {
		return nil, &connect.SetupError{What: "files.Config", Err: err}
	}
	c := s.config
	r := &reader[K, V]{
		config: c, log: c.Logger, tailOf: tailOf{path: c.Paths[split], rotated: c.Rotated, settle: c.Settle},
	}
	if position != nil {
		if err := json.Unmarshal(position, &r.at); err != nil {
			return nil, &connect.SetupError{What: fmt.Sprintf("position %q", position), Err: err}
		}
	}
	if err := r.lost(r.find()); err != nil {
		return nil, err
	}
	return r, nil
}

type reader[K, V any] struct {
	config Config[K, V]
	log    *slog.Logger
	tailOf
	scanner scanner
}

// lost is the error of a look for the file; it lets the reader go on with the present file, if that is accepted.
func (r *reader[K, V]) lost(err error) error {
	var lost *LostError
	switch {
	case !errors.As(err, &lost):
		return err
	case !r.config.AcceptLost:
		return &connect.SetupError{What: fmt.Sprintf("file %q", r.path), Err: err}
	}
	r.log.Warn("lines are lost, as accepted", "path", r.path, "offset", r.at.Offset)
	r.at, r.before = place{}, place{}
	return r.openLive()
}

// Read returns the lines that are complete. At the end of a file that was rotated it goes on with the next one.
func (r *reader[K, V]) Read(context.Context) (out []streams.Record[K, V], position []byte, err error) {
	if err := r.lost(r.again()); err != nil {
		return nil, nil, err
	}
	for {
		if r.file == nil {
			if err := r.find(); err != nil {
				return nil, nil, r.lost(err)
			}
			if r.file == nil {
				return nil, nil, nil // it is not there yet
			}
		}
		from := r.at.Offset
		if out, err = r.lines(); err != nil {
			return nil, nil, err
		}
		if len(out) > 0 {
			break
		}
		if r.at.Offset > from {
			continue // all were left out
		}
		if more, err := r.next(); err != nil || !more {
			return nil, nil, r.lost(err)
		}
	}
	position, err = json.Marshal(r.at)
	return out, position, err
}

// lines are the next ones of the present file.
func (r *reader[K, V]) lines() (out []streams.Record[K, V], err error) {
	if same, err := r.unchanged(); err != nil || !same {
		return nil, err // next finds out what has become of the file
	}
	was := r.at
	r.scanner.begin(r.file, r.at.Offset, r.config.LineBytes, r.finished)
	for range r.config.Lines {
		text, end, err := r.scanner.line()
		if errors.Is(err, errTooLong) {
			return nil, &connect.SetupError{What: fmt.Sprintf("file %q, offset %d", r.path, r.at.Offset), Err: err}
		}
		if err != nil {
			return nil, err
		}
		if end == r.at.Offset {
			break
		}
		record, ok := r.config.Record(Line{Text: text, Path: r.path, Offset: r.at.Offset})
		if r.at.Offset = end; ok {
			out = append(out, record)
		}
	}
	if err := r.at.look(r.file); err != nil {
		return nil, err
	}
	if same, err := was.in(r.file); err != nil || !same { // it was emptied while it was read
		r.at = was
		return nil, err
	}
	return out, nil
}

// Close closes the file.
func (r *reader[K, V]) Close() error { return r.close() }
