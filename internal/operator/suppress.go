package operator

import (
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
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
// back by the wait, or the buffer is full. What comes out is the change from the row that was let go last to the latest;
// its timestamp and headers are those of the latest. Rows come out by the time at which they began to wait, ties by key
// (Kafka's KTableSuppressProcessor).
func Suppress[K, V any](
	store state.KeyValue[K, wire.BufferValue], key serde.Serde[K], value serde.Serde[V], limits SuppressLimits,
) processor[K, change[V], K, change[V]] {
	return &suppress[K, V]{declared: store, key: key, value: value, limits: limits}
}

type suppress[K, V any] struct {
	topology.Contextual[K, change[V]]
	declared state.KeyValue[K, wire.BufferValue]
	store    *state.KeyValueStore[K, wire.BufferValue]
	key      serde.Serde[K]
	value    serde.Serde[V]
	limits   SuppressLimits
	scratch  []byte
}

func (s *suppress[K, V]) Init(ctx *topology.Context[K, change[V]]) error {
	s.store = s.declared.In(ctx)
	if err := s.Contextual.Init(ctx); err != nil {
		return err
	}
	var size state.Tally
	for row, err := range s.store.All() {
		if err != nil {
			return err
		}
		size.Rows++
		size.Bytes += s.size(row.Key, row.Value)
	}
	s.store.Tally = size
	return nil
}

func (s *suppress[K, V]) Process(r record[K, change[V]]) error {
	s.store.Observe(r.Timestamp)
	if err := s.hold(r); err != nil {
		return err
	}
	streamTime, _ := s.store.Time()
	for row, err := range s.store.Until(streamTime - s.limits.Wait) {
		if err != nil {
			return err
		}
		if err := s.release(row); err != nil {
			return err
		}
	}
	return s.shrink()
}

// hold puts a change into the buffer, in the place of the one of its row that waits there.
func (s *suppress[K, V]) hold(r record[K, change[V]]) (err error) {
	row, waits, err := s.store.Row(r.Key)
	if err != nil {
		return err
	}
	held := wire.BufferValue{Prior: row.Value.Prior, BufferTime: row.Timestamp}
	held.Context.Timestamp, held.Context.Headers = r.Timestamp, r.Headers
	held.Context.Topic, held.Context.Partition, held.Context.Offset, _ = s.Ctx.Source()
	if held.Old, err = s.encode(r.Value.Old); err != nil {
		return err
	}
	if held.New, err = s.encode(r.Value.New); err != nil {
		return err
	}
	if waits {
		s.store.Tally.Bytes -= s.size(r.Key, row.Value)
	} else {
		held.Prior, held.BufferTime = held.Old, r.Timestamp
		s.store.Tally.Rows++
	}
	s.store.Tally.Bytes += s.size(r.Key, held)
	return s.store.Put(r.Key, held, held.BufferTime)
}

func (s *suppress[K, V]) encode(v optional[V]) ([]byte, error) {
	if !v.OK {
		return nil, nil
	}
	var err error
	s.scratch, err = s.value.Append(s.scratch[:0], v.Value)
	return append([]byte{}, s.scratch...), err
}

func (s *suppress[K, V]) decode(b []byte) (out optional[V], err error) {
	if b == nil {
		return out, nil
	}
	out.OK = true
	out.Value, err = s.value.Decode(b)
	return out, err
}

// size is what a row takes of the buffer.
func (s *suppress[K, V]) size(key K, held wire.BufferValue) int64 {
	s.scratch, _ = s.key.Append(s.scratch[:0], key)
	return int64(len(s.scratch) + len(held.Prior) + len(held.Old) + len(held.New))
}

// release sends a row out.
func (s *suppress[K, V]) release(row state.Row[K, wire.BufferValue]) (err error) {
	if err := s.store.Delete(row.Key, row.Timestamp); err != nil {
		return err
	}
	s.store.Tally.Rows--
	s.store.Tally.Bytes -= s.size(row.Key, row.Value)
	var c change[V]
	if c.Old, err = s.decode(row.Value.Prior); err != nil {
		return err
	}
	if c.New, err = s.decode(row.Value.New); err != nil || !c.Old.OK && !c.New.OK {
		return err
	}
	return s.Ctx.Forward(record[K, change[V]]{
		Key: row.Key, Value: c, Timestamp: row.Value.Context.Timestamp, Headers: row.Value.Context.Headers,
	})
}

// shrink lets the oldest rows go until the rest fits.
func (s *suppress[K, V]) shrink() error {
	if !s.full() {
		return nil
	}
	if s.limits.Fail {
		return fmt.Errorf("%w: %d rows and %d bytes of at most %d and %d", ErrSuppressFull,
			s.store.Tally.Rows, s.store.Tally.Bytes, s.limits.MaxRecords, s.limits.MaxBytes)
	}
	for row, err := range s.store.Oldest() {
		if err != nil {
			return err
		}
		if err := s.release(row); err != nil || !s.full() {
			return err
		}
	}
	return nil
}

func (s *suppress[K, V]) full() bool {
	size, l := s.store.Tally, s.limits
	return l.MaxRecords > 0 && size.Rows > l.MaxRecords || l.MaxBytes > 0 && size.Bytes > l.MaxBytes
}
