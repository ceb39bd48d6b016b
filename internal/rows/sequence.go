package rows

import (
	"encoding/binary"
	"fmt"

	"github.com/millstream-go/millstream/internal/store"
)

// SequenceSize is the size of a number in bytes.
const SequenceSize = 4

// Sequence numbers the records of a buffer, so that those of one key and time can be told apart. It goes on where it
// was after a restart, unlike Kafka Streams', whose records of one time then overwrite each other.
type Sequence struct {
	engine  store.Engine
	row     []byte // key of the database's row with the last number given
	last    uint32
	mark    uint32
	stored  uint32
	known   bool // last has been read
	scratch []byte
}

// NewSequence keeps its number where other stores have an index.
func NewSequence(env Env) *Sequence {
	return &Sequence{engine: env.Engine, row: env.Part(IndexPart).Prefix}
}

// Next is the next number, in the 31 bits that Kafka Streams uses.
func (s *Sequence) Next() (uint32, error) {
	if err := s.read(); err != nil {
		return 0, err
	}
	s.last = (s.last + 1) & 0x7fffffff
	return s.last, nil
}

func (s *Sequence) read() error {
	if s.known {
		return nil
	}
	b, ok, err := s.engine.Get(s.scratch[:0], s.row)
	if err != nil {
		return err
	}
	if ok && len(b) != SequenceSize {
		return fmt.Errorf("%w: sequence number of %d bytes", store.ErrCorrupt, len(b))
	}
	if s.known = true; ok {
		s.last = binary.BigEndian.Uint32(b)
	}
	s.mark, s.stored, s.scratch = s.last, s.last, b
	return nil
}

// Mark makes the present number the one that Undo returns to.
func (s *Sequence) Mark() { s.mark = s.last }

// Undo takes back the numbers given since Mark.
func (s *Sequence) Undo() { s.last = s.mark }

// Committed does nothing: Flush has stored the number.
func (s *Sequence) Committed() {}

// Abort forgets the numbers given since the last commit.
func (s *Sequence) Abort() { s.known, s.last, s.mark, s.stored = false, 0, 0, 0 }

// Flush stores the last number, if it has changed.
func (s *Sequence) Flush(b store.Batch) error {
	if s.last == s.stored {
		return nil
	}
	s.stored = s.last
	return b.Set(s.row, binary.BigEndian.AppendUint32(s.scratch[:0], s.last))
}

// Restore goes on behind a number of the changelog.
func (s *Sequence) Restore(b store.Batch, n uint32) error {
	if err := s.read(); err != nil {
		return err
	}
	s.last = max(s.last, n)
	s.mark = s.last
	return s.Flush(b)
}
