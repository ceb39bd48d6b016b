package files

import (
	"bytes"
	"errors"
	"io"
)

var errTooLong = errors.New("files: the line is longer than Config.LineBytes")

// scanner cuts a file into lines.
type scanner struct {
	file   io.ReaderAt
	at     int64 // of the first byte in buf
	buf    []byte
	from   int // of the next line in buf
	most   int
	whole  bool // the file does not grow any more: what is behind the last end of line is a line, too
	ended  bool
	memory []byte
}

// begin reads from an offset on.
func (s *scanner) begin(file io.ReaderAt, at int64, most int, whole bool) {
	s.file, s.at, s.most, s.whole, s.ended, s.from = file, at, most, whole, false, 0
	s.buf = s.memory[:0]
}

// readBytes is how much is read at a time.
const readBytes = 64 << 10

// line is the next one, and the offset behind it. Where there is none that is the offset in front. The text is valid
// until the next call.
func (s *scanner) line() (text []byte, end int64, err error) {
	for {
		rest := s.buf[s.from:]
		i := bytes.IndexByte(rest, '\n')
		if max(i, 0) > s.most || i < 0 && len(rest) > s.most {
			return nil, 0, errTooLong
		}
		if i >= 0 {
			s.from += i + 1
			return bytes.TrimSuffix(rest[:i], []byte("\r")), s.at + int64(s.from), nil
		}
		if s.ended {
			if !s.whole || len(rest) == 0 {
				return nil, s.at + int64(s.from), nil
			}
			s.from = len(s.buf)
			return rest, s.at + int64(s.from), nil
		}
		if err := s.more(); err != nil {
			return nil, 0, err
		}
	}
}

// more reads on.
func (s *scanner) more() error {
	n := copy(s.buf, s.buf[s.from:])
	s.at += int64(s.from)
	s.buf, s.from = s.buf[:n], 0
	if cap(s.buf) < n+readBytes {
		s.memory = make([]byte, 0, 2*(n+readBytes))
		s.buf = append(s.memory, s.buf...)
	}
	read, err := s.file.ReadAt(s.buf[n:n+readBytes], s.at+int64(n))
	s.buf = s.buf[:n+read]
	if errors.Is(err, io.EOF) {
		s.ended, err = true, nil
	}
	return err
}
