// Package snapshot has the files in which the committed state of an application lies: state.json with what there is,
// and <topic>.rows for each changelog and each repartition topic, of JSON, a line for each row. docs/snapshots.md tells
// the format.
package snapshot

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Version is that of the format.
const Version = 1

// headFile is written last: a directory without it is no snapshot.
const headFile = "state.json"

// Head is what a snapshot has.
type Head struct {
	Version int      `json:"version"`
	App     string   `json:"app"`
	Taken   int64    `json:"taken"`   // milliseconds since 1970
	Topics  []Topic  `json:"topics"`  // changelogs and repartition topics
	Offsets []Offset `json:"offsets"` // that the group had committed
}

// Topic is an internal topic.
type Topic struct {
	Name       string             `json:"name"`
	Store      string             `json:"store,omitempty"` // of a changelog
	Format     string             `json:"format,omitempty"`
	Partitions int32              `json:"partitions"`
	Configs    map[string]*string `json:"configs,omitempty"`
	Rows       int64              `json:"rows"`
	Sum        string             `json:"sum"` // of their hashes
}

// Offset is a committed offset. Metadata has stream times, as Kafka Streams writes them.
type Offset struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Metadata  string `json:"metadata,omitempty"`
}

// Row is a live row of a changelog, or a record of a repartition topic that was not processed, in its bytes.
type Row struct {
	Partition int32    `json:"partition"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"` // null: the delete of a row with versions
	Time      int64    `json:"time"`  // milliseconds
	Headers   []Header `json:"headers,omitempty"`
}

// Header is a header of a record.
type Header struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

// Writer writes a snapshot into a directory.
type Writer struct{ dir string }

// Create begins a snapshot. The directory is made, and must be empty if it is there.
func Create(dir string) (*Writer, error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.MkdirAll(dir, 0o700)
	case err == nil && len(entries) > 0:
		err = fmt.Errorf("directory %s is not empty: name another one", dir)
	}
	return &Writer{dir}, err
}

// Topic writes the rows of a topic, which fill gives to put.
func (w *Writer) Topic(name string, fill func(put func(Row) error) error) error {
	f, err := os.OpenFile(filepath.Join(w.dir, name+".rows"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(f)
	e := json.NewEncoder(b)
	err = fill(func(r Row) error { return e.Encode(r) })
	return errors.Join(err, b.Flush(), f.Sync(), f.Close())
}

// Close ends the snapshot.
func (w *Writer) Close(h Head) error {
	h.Version = Version
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, headFile), append(text, '\n'), 0o600)
}

// Open reads what a snapshot has.
func Open(dir string) (h Head, err error) {
	text, err := os.ReadFile(filepath.Join(dir, headFile))
	if err != nil {
		return h, fmt.Errorf("%s is no snapshot of an application's state, or was not finished: %w", dir, err)
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, fmt.Errorf("%s: %w", filepath.Join(dir, headFile), err)
	}
	if h.Version != Version {
		return h, fmt.Errorf("snapshot %s has version %d of the format, this release reads %d", dir, h.Version, Version)
	}
	return h, nil
}

// Rows shows the rows of a topic, in the order in which they were written.
func Rows(dir, topic string, show func(Row) error) error {
	f, err := os.Open(filepath.Join(dir, topic+".rows"))
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(bufio.NewReader(f))
	for n := 1; ; n++ {
		var r Row
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s, row %d: %w", f.Name(), n, err)
		}
		if err := show(r); err != nil {
			return err
		}
	}
}
