package files

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// place is a place in a file, which is known by what is in front of it.
type place struct {
	Offset int64  `json:"offset"`
	Head   string `json:"head,omitempty"` // hash of the first bytes of the file, up to the offset
	Tail   string `json:"tail,omitempty"` // hash of the last bytes before the offset
	// Inode is that of the file: of several with the same bytes in front of the offset, as files that begin with the same
	// header, it is the one.
	Inode uint64 `json:"inode,omitempty"`
}

// printBytes is how many bytes are hashed.
const printBytes = 1024

// look takes what is in front of the offset.
func (p *place) look(file *os.File) (err error) {
	if p.Head, p.Tail, err = prints(file, p.Offset); err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		p.Inode = inode(info)
	}
	return err
}

// prints are the hashes of what is at the start of a file and in front of an offset; empty at 0.
func prints(file io.ReaderAt, offset int64) (head, tail string, err error) {
	n := min(offset, printBytes)
	if n == 0 {
		return "", "", nil
	}
	b := make([]byte, n)
	hash := func(at int64) (string, error) {
		if _, err := io.ReadFull(io.NewSectionReader(file, at, n), b); err != nil {
			return "", err
		}
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:12]), nil
	}
	if head, err = hash(0); err == nil {
		tail, err = hash(offset - n)
	}
	return head, tail, err
}

// less is 0 for the file that the place was in, by its inode, and else 1.
func (p *place) less(c candidate) int {
	if p.Inode != 0 && p.Inode == inode(c.info) {
		return 0
	}
	return 1
}

// in is true if the place is one of a file. A file that is shorter has other prints.
func (p *place) in(file io.ReaderAt) (bool, error) {
	head, tail, err := prints(file, p.Offset)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	return err == nil && head == p.Head && tail == p.Tail, err
}

// tailOf follows a file through its rotations.
type tailOf struct {
	path     string
	rotated  []string
	settle   time.Duration
	at       place
	before   place    // at the end of the file in front of the present one
	file     *os.File // nil: it is not there
	moved    time.Time
	finished bool // the file has been rotated, and is not written to any more
}

func (t *tailOf) close() error {
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file, t.moved, t.finished = nil, time.Time{}, false
	return err
}

// candidate is a file that may be the one, under whatever name.
type candidate struct {
	path string
	info fs.FileInfo
}

// candidates are the rotated files by their last change, and the present one behind them.
func (t *tailOf) candidates() (out []candidate, err error) {
	seen := map[string]bool{t.path: true}
	for _, pattern := range t.rotated {
		dir, name := filepath.Split(t.path)
		entries, err := os.ReadDir(cmp.Or(dir, "."))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			rest, ok := strings.CutPrefix(e.Name(), name)
			if match, err := filepath.Match(pattern, rest); err != nil {
				return nil, err
			} else if !ok || !match || compressed(rest) || seen[dir+e.Name()] || e.IsDir() {
				continue
			}
			seen[dir+e.Name()] = true
			if info, err := os.Stat(dir + e.Name()); err == nil { // it may have been renamed meanwhile
				out = append(out, candidate{dir + e.Name(), info})
			}
		}
	}
	slices.SortFunc(out, func(a, b candidate) int {
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), cmp.Compare(numberOf(b.path), numberOf(a.path)),
			cmp.Compare(a.path, b.path))
	})
	if info, err := os.Stat(t.path); err == nil {
		out = append(out, candidate{t.path, info})
	}
	return out, nil
}

// numberOf is the number behind the name of a file that moves up at each rotation, 0 if it has none.
func numberOf(path string) int {
	text := strings.TrimPrefix(filepath.Ext(path), ".")
	n, err := strconv.Atoi(text)
	if err != nil || len(text) > 4 {
		return 0 // none, or a date
	}
	return n
}

func compressed(name string) bool {
	return slices.Contains([]string{".gz", ".bz2", ".xz", ".zst"}, filepath.Ext(name))
}

// find opens the file that the place is in; without a place the oldest one.
func (t *tailOf) find() error {
	all, err := t.candidates()
	if err != nil {
		return err
	}
	if t.at.Offset > 0 {
		slices.Reverse(all) // the present one first: a copy of it has the same bytes
		slices.SortStableFunc(all, func(a, b candidate) int {
			return cmp.Compare(t.at.less(a), t.at.less(b))
		})
	}
	for _, c := range all {
		f, err := os.Open(c.path)
		if err != nil {
			continue // renamed meanwhile: found the next time
		}
		if in, err := t.at.in(f); err != nil || !in {
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
			continue
		}
		t.file, t.moved, t.finished = f, time.Time{}, false
		return nil
	}
	if t.at.Offset > 0 && t.there(all) {
		return &LostError{Path: t.path, Offset: t.at.Offset}
	}
	return nil
}

// again looks for the file behind the last one once more, as long as no line of the present one has been read: it may
// have been copied and emptied meanwhile, of which it bears no trace.
func (t *tailOf) again() error {
	if t.file == nil || t.at.Offset > 0 {
		return nil
	}
	if err := t.close(); err != nil {
		return err
	}
	t.at = t.before
	err := t.find()
	t.finished = t.file != nil && t.at.Offset > 0
	return err
}

// there is true if the present file is: between the two steps of a rotation nothing is known.
func (t *tailOf) there(all []candidate) bool {
	return slices.ContainsFunc(all, func(c candidate) bool { return c.path == t.path })
}

// openLive begins with the present file.
func (t *tailOf) openLive() error {
	if err := t.close(); err != nil {
		return err
	}
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	t.file = f
	return err
}

// unchanged is true if what is in front of the place is still there.
func (t *tailOf) unchanged() (bool, error) {
	return t.at.in(t.file)
}

// next is called where the present file has no more lines: more is true if there is another one, or more of this one.
func (t *tailOf) next() (more bool, err error) {
	if same, err := t.unchanged(); err != nil || !same {
		return t.emptied(err)
	}
	own, err := t.file.Stat()
	if err != nil {
		return false, err
	}
	live, err := os.Stat(t.path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, err
	case err == nil && os.SameFile(own, live):
		return false, nil
	case t.moved.IsZero():
		t.moved = time.Now()
	}
	switch {
	case t.finished:
		return t.follow(own)
	case time.Since(t.moved) >= t.settle:
		t.finished = true // once more, to its very end
		return true, nil
	}
	return false, nil
}

// emptied finds the copy of a file that has been emptied, to read it to its end.
func (t *tailOf) emptied(err error) (bool, error) {
	if err = errors.Join(err, t.close()); err != nil {
		return false, err
	}
	if err := t.find(); err != nil {
		return false, err
	}
	return t.file != nil, nil
}

// follow opens the file behind one that has been read, once there is something in it: until then it may be emptied
// without a trace.
func (t *tailOf) follow(own fs.FileInfo) (more bool, err error) {
	all, err := t.candidates()
	if err != nil {
		return false, err
	}
	i := 1 + slices.IndexFunc(all, func(c candidate) bool { return os.SameFile(own, c.info) })
	if i == 0 { // it has been deleted: what was rotated later is behind it, or else the present file
		i = slices.IndexFunc(all, func(c candidate) bool {
			return c.path == t.path || c.info.ModTime().After(own.ModTime())
		})
	}
	if i < 0 || i == len(all) || all[i].info.Size() == 0 {
		return false, nil
	}
	f, err := os.Open(all[i].path)
	if err != nil {
		return false, nil // renamed meanwhile
	}
	err = t.close()
	t.before, t.at, t.file = t.at, place{}, f
	return true, err
}
