package task

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/millstream-go/millstream/internal/graph"
)

// Failures keeps the last calls of steps that failed, with the records that they were given. It may be shared between
// workers.
type Failures struct {
	mu struct {
		sync.Mutex
		last []Failure
	}
}

// Failure is a call that failed, and what became of its record.
type Failure struct {
	At         int64 // wall-clock time, in milliseconds
	Failed     *ProcessError
	Action     Action
	Partitions int32      // of the record's topic; 0: not known
	Record     *graph.Raw // nil: there is none, or it is too large to be kept; Failed has neither its key nor its value
}

const (
	mostFailures    = 50
	mostFailedBytes = 16 << 10 // of a record
	mostFailedText  = 4 << 10  // of the text of an error
)

// add keeps a failure, with bytes of its own: of the error only the text, as it is the user's and may hold the
// record, or change. raw is the record, nil if there is none, and partitions those of its topic. A nil Failures keeps
// none.
func (f *Failures) add(now int64, failed *ProcessError, action Action, raw *graph.Raw, partitions int32) {
	if f == nil {
		return
	}
	kept := *failed
	kept.Key, kept.Value, kept.Err = nil, nil, textOf(failed.Err)
	one := Failure{At: now, Failed: &kept, Action: action, Partitions: partitions, Record: own(raw)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.mu.last) == mostFailures {
		f.mu.last = slices.Delete(f.mu.last, 0, 1)
	}
	f.mu.last = append(f.mu.last, one)
}

// textOf is an error with the text of one, or with the first part of it.
func textOf(err error) error {
	text := fmt.Sprint(err)
	if len(text) > mostFailedText {
		text = strings.ToValidUTF8(text[:mostFailedText], "") + "…"
	}
	return errors.New(text)
}

// own is a record with bytes of its own, nil if it has too many.
func own(raw *graph.Raw) *graph.Raw {
	if raw == nil {
		return nil
	}
	size := len(raw.Key) + len(raw.Value)
	for _, h := range raw.Headers {
		size += len(h.Key) + len(h.Value)
	}
	if size > mostFailedBytes {
		return nil
	}
	kept := *raw
	kept.Key, kept.Value, kept.Headers = bytes.Clone(raw.Key), bytes.Clone(raw.Value), slices.Clone(raw.Headers)
	for i := range kept.Headers {
		kept.Headers[i].Value = bytes.Clone(kept.Headers[i].Value)
	}
	return &kept
}

// Last are the last failures, the newest one last. What they point to does not change.
func (f *Failures) Last() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.mu.last)
}
