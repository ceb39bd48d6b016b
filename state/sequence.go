package state

import (
	"encoding/binary"
	"fmt"

	"github.com/millstream-go/millstream/internal/store"
)

// sequence numbers the records of a buffer, so that those of one key and time can be told apart. It goes on where it
// was after a restart, unlike Kafka Streams', whose records of one time then overwrite each other.
type sequence struct {
	engine  store.Engine
	row     []byte // key of the database's row with the last number given
	last    uint32
	mark    uint32
	stored  uint32
	known   bool // last has been read
	scratch []byte
}

func newSequence(env Env) sequence {
	return sequence{engine: env.Engine, row: env.part(indexPart).Prefix}
}

// next is the next number, in the 31 bits that Kafka Streams uses.
func (s *sequence) next() (uint32, error) {
	if err := s.read(); err != nil {
		return 0, err
	}
	s.last = (s.last + 1) & 0x7fffffff
	return s.last, nil
}

func (s *sequence) read() error {
	if s.known {
		return nil
	}
	b, ok, err := s.engine.Get(s.scratch[:0], s.row)
	if err != nil {
		return err
	}
	if ok && len(b) != sequenceSize {
		return fmt.Errorf("%w: sequence number of %d bytes", store.ErrCorrupt, len(b))
	}
	if s.known = true; ok {
		s.last = binary.BigEndian.Uint32(b)
	}
	s.mark, s.stored, s.scratch = s.last, s.last, b
	return nil
}

func (s *sequence) Mark() { s.mark = s.last }
func (s *sequence) Undo() { s.last = s.mark }

// Abort forgets the numbers given since the last commit.
func (s *sequence) Abort() { s.known, s.last, s.mark, s.stored = false, 0, 0, 0 }

// flush stores the last number, if it has changed.
func (s *sequence) flush(b store.Batch) error {
	if s.last == s.stored {
		return nil
	}
	s.stored = s.last
	return b.Set(s.row, binary.BigEndian.AppendUint32(s.scratch[:0], s.last))
}

// restore goes on behind a number of the changelog.
func (s *sequence) restore(b store.Batch, n uint32) error {
	if err := s.read(); err != nil {
		return err
	}
	s.last = max(s.last, n)
	s.mark = s.last
	return s.flush(b)
}
