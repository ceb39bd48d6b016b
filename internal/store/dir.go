package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const processIDSize = 16

// Fresh is true for a state directory that no process has owned yet.
func Fresh(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "process-id"))
	return errors.Is(err, fs.ErrNotExist)
}

// ProcessID is the identity of the process that owns a state directory: 16 random bytes in hex, made on first use and
// kept with the state. A damaged file is replaced: all that costs is one session timeout.
func ProcessID(dir string) (string, error) {
	path := filepath.Join(dir, "process-id")
	if b, err := os.ReadFile(path); err == nil {
		if raw, err := hex.DecodeString(string(b)); err == nil && len(raw) == processIDSize {
			return string(b), nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("store: state directory: %w", err)
	}
	raw := make([]byte, processIDSize)
	rand.Read(raw)
	id := hex.EncodeToString(raw)
	return id, writeWhole(path, id)
}

// writeWhole writes a file so that it is there whole or not at all.
func writeWhole(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("store: state directory: %w", err)
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("store: state directory: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

const (
	damaged = ".damaged-"
	stale   = ".stale-"
	// keptAside is how many databases of a directory are kept of each kind, for inspection.
	keptAside = 3
)

// SetAside renames a damaged database, so that a new one can be restored in its place, and returns its new name:
// <dir>.damaged-<nanoseconds since 1970>. Only the newest 3 are kept. If the new name comes with an error, the database
// is out of the way, and an older one could not be removed.
func SetAside(dir string) (to string, err error) { return setAside(dir, damaged) }

// Retire does the same with a database that is whole and does not fit its topics: <dir>.stale-<nanoseconds since 1970>.
func Retire(dir string) (to string, err error) { return setAside(dir, stale) }

func setAside(dir, aside string) (to string, err error) {
	dir = filepath.Clean(dir)
	to = fmt.Sprintf("%s%s%020d", dir, aside, time.Now().UnixNano())
	if err := os.Rename(dir, to); err != nil {
		return "", fmt.Errorf("store: set aside: %w", err)
	}
	entries, err := os.ReadDir(filepath.Dir(dir)) // sorted, so the oldest come first
	if err != nil {
		return to, fmt.Errorf("store: set aside: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return !strings.HasPrefix(e.Name(), filepath.Base(dir)+aside)
	})
	for _, e := range entries[:max(0, len(entries)-keptAside)] {
		if err := os.RemoveAll(filepath.Join(filepath.Dir(dir), e.Name())); err != nil {
			return to, fmt.Errorf("store: set aside: %w", err)
		}
	}
	return to, nil
}
