package operator

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// ErrSuppressFull says that the buffer of a suppress has more than it may. Give it more room, or let it emit early.
var ErrSuppressFull = errors.New("streams: suppress buffer is full")

// SuppressLimits say when a suppress lets go of a row.
type SuppressLimits struct {
	Wait       int64 // milliseconds of stream time since the first change that is held back
	MaxRecords int64 // 0: no limit
	MaxBytes   int64 // of keys and rows as encoded; 0: no limit
	Fail       bool  // a full buffer is an error, instead of letting the oldest row go
}

// Suppress holds the changes of a table back: of each row the latest, until stream time has passed the first one held
// back by the wait, or the buffer is full. What comes out is the change from the row that was let go last to the
// latest; its timestamp and headers are those of the latest. Rows come out by the time at which they began to wait,
// ties by key (Kafka's KTableSuppressProcessor).
func Suppress(buffer *Suppressed, coding graph.Coding) graph.Step {
	return &suppress{buffer: buffer.new(), coding: coding}
}

// suppress encodes what goes into the buffer, and decodes what comes out.
type suppress struct {
	ctx              *flowContext
	buffer           *suppressBuffer
	coding           graph.Coding
	key, before, row func(src []byte) (any, error) // decode
	bytes            []byte                        // scratch
	out              flow

	encodeKey, encodeRow func(dst []byte, v any) ([]byte, error)
}

func (s *suppress) Init(ctx *flowContext) error {
	s.ctx = ctx
	s.encodeKey, s.encodeRow = s.coding.Encoders(ctx)
	s.key, s.before = s.coding.Decoders()
	_, s.row = s.coding.Decoders()
	return s.buffer.open(ctx, s.release)
}

func (s *suppress) Process(ctx *flowContext, r *flow) (err error) {
	held := wire.BufferValue{}
	held.Context.Timestamp, held.Context.Headers = r.Timestamp, r.Headers
	held.Context.Topic, held.Context.Partition, held.Context.Offset, _ = ctx.Source()
	if held.Old, err = s.encode(r.Old); err != nil {
		return err
	}
	if held.New, err = s.encode(r.Value); err != nil {
		return err
	}
	if s.bytes, err = s.encodeKey(s.bytes[:0], r.Key); err != nil {
		return err
	}
	return s.buffer.take(s.bytes, held)
}

// release sends a row out.
func (s *suppress) release(key []byte, row wire.BufferValue) (err error) {
	s.out = flow{Timestamp: row.Context.Timestamp, Headers: slices.Clip(row.Context.Headers)}
	if s.out.Old, err = decoded(s.before, row.Prior); err != nil {
		return err
	}
	s.out.Value, err = decoded(s.row, row.New)
	if err != nil || s.out.Old == nil && s.out.Value == nil {
		return err
	}
	if s.out.Key, err = s.key(key); err != nil {
		return err
	}
	return s.ctx.Forward(&s.out)
}

func (s *suppress) encode(v any) (_ []byte, err error) {
	if v == nil {
		return nil, nil
	}
	s.bytes, err = s.encodeRow(s.bytes[:0], v)
	return append([]byte{}, s.bytes...), err
}

func decoded(decode func([]byte) (any, error), b []byte) (any, error) {
	if b == nil {
		return nil, nil
	}
	return decode(b)
}

// Suppressed is the declaration of a buffer of rows that are held back, with its limits.
type Suppressed struct {
	declared state.KeyValue[[]byte, wire.BufferValue]
	kept     storage.Spec // with the kind and the settings of the buffer
	limits   SuppressLimits
}

// HoldBack declares a buffer. It is not inlined, so that the buffer's store is compiled here and not with each user.
//
//go:noinline
func HoldBack(buffer state.Spec, limits SuppressLimits) *Suppressed {
	d := storage.Unsealed(buffer).Of(storage.KindSuppress)
	rows := state.NewKeyValue(d.Name(), serde.Bytes, wire.BufferSerde)
	kept := d.Typed(d.Key(), wire.BufferSerde, storage.Unsealed(rows.Spec()))
	return &Suppressed{declared: rows, kept: kept, limits: limits}
}

// Store is the store of the buffer.
func (s *Suppressed) Store() storage.Spec { return s.kept }

//go:noinline
func (s *Suppressed) new() *suppressBuffer { return &suppressBuffer{Suppressed: *s} }

// suppressBuffer is the buffer of one task, in which keys and rows are bytes.
type suppressBuffer struct {
	Suppressed
	store   state.KeyValueStore[[]byte, wire.BufferValue]
	timed   storage.Timed[state.Row[[]byte, wire.BufferValue]]
	tally   *storage.Tally
	forward func(key []byte, row wire.BufferValue) error

	due, oldest func(state.Row[[]byte, wire.BufferValue]) (bool, error) // release and relieve, made once
}

// open begins with what the store holds. forward is told of each row that is let go.
func (s *suppressBuffer) open(stores state.Stores, forward func(key []byte, row wire.BufferValue) error) error {
	s.store, s.forward = s.declared.In(stores), forward
	s.due, s.oldest = s.release, s.relieve
	s.timed = s.store.(storage.Timed[state.Row[[]byte, wire.BufferValue]])
	s.tally = s.timed.Tally()
	var size storage.Tally
	for row, err := range s.store.All() {
		if err != nil {
			return err
		}
		size.Rows++
		size.Bytes += sizeOf(row.Key, row.Value)
	}
	*s.tally = size
	return nil
}

// take puts a change into the buffer, and lets go of what has waited long enough, or has no room.
func (s *suppressBuffer) take(key []byte, held wire.BufferValue) error {
	s.timed.Observe(held.Context.Timestamp)
	if err := s.hold(key, held); err != nil {
		return err
	}
	streamTime, _ := s.timed.Time()
	if due := streamTime - s.limits.Wait; s.timed.Waits(due) {
		if err := s.timed.UntilEach(due, s.due); err != nil {
			return err
		}
	}
	return s.shrink()
}

// hold puts a change into the buffer, in the place of the one of its row that waits there.
func (s *suppressBuffer) hold(key []byte, held wire.BufferValue) error {
	row, waits, err := s.store.Row(key)
	if err != nil {
		return err
	}
	held.Prior, held.BufferTime = row.Value.Prior, row.Timestamp
	if waits {
		s.tally.Bytes -= sizeOf(key, row.Value)
	} else {
		held.Prior, held.BufferTime = held.Old, held.Context.Timestamp
		s.tally.Rows++
	}
	s.tally.Bytes += sizeOf(key, held)
	return s.store.Put(key, held, held.BufferTime)
}

// sizeOf is what a row takes of the buffer.
func sizeOf(key []byte, held wire.BufferValue) int64 {
	return int64(len(key) + len(held.Prior) + len(held.Old) + len(held.New))
}

// release lets a row go.
func (s *suppressBuffer) release(row state.Row[[]byte, wire.BufferValue]) (more bool, err error) {
	if err := s.store.Delete(row.Key, row.Timestamp); err != nil {
		return false, err
	}
	s.tally.Rows--
	s.tally.Bytes -= sizeOf(row.Key, row.Value)
	return true, s.forward(row.Key, row.Value)
}

// relieve lets a row go. There is need for more while the rest does not fit.
func (s *suppressBuffer) relieve(row state.Row[[]byte, wire.BufferValue]) (more bool, err error) {
	_, err = s.release(row)
	return s.full(), err
}

// shrink lets the oldest rows go until the rest fits.
func (s *suppressBuffer) shrink() error {
	if !s.full() {
		return nil
	}
	if s.limits.Fail {
		return fmt.Errorf("%w: %d rows and %d bytes of at most %d and %d", ErrSuppressFull,
			s.tally.Rows, s.tally.Bytes, s.limits.MaxRecords, s.limits.MaxBytes)
	}
	return s.timed.UntilEach(math.MaxInt64, s.oldest)
}

func (s *suppressBuffer) full() bool {
	size, l := s.tally, s.limits
	return l.MaxRecords > 0 && size.Rows > l.MaxRecords || l.MaxBytes > 0 && size.Bytes > l.MaxBytes
}
