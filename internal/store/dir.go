package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Lock takes a state directory for this process, creating it if need be. The operating system drops the lock with the
// process, so a killed one leaves none behind. A directory in use gives ErrLocked.
func Lock(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%w: %s: give each process a directory of its own, or stop the other one", ErrLocked, dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

const processIDSize = 16

// ProcessID is the identity of the process that owns a state directory: 16 random bytes in hex, made on first use and
// kept with the state. A damaged file is replaced: all that costs is one session timeout.
func ProcessID(dir string) (string, error) {
	path := filepath.Join(dir, "process-id")
	if b, err := os.ReadFile(path); err == nil {
		if raw, err := hex.DecodeString(string(b)); err == nil && len(raw) == processIDSize {
			return string(b), nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("state directory: %w", err)
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
		return fmt.Errorf("state directory: %w", err)
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("state directory: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return os.Rename(f.Name(), path)
}

// keptAside is how many damaged databases of a directory are kept for inspection.
const keptAside = 3

// SetAside renames a damaged database, so that a new one can be restored in its place, and returns its new name. Only
// the newest few are kept.
func SetAside(dir string) (string, error) {
	to := fmt.Sprintf("%s.damaged-%020d", dir, time.Now().UnixNano())
	if err := os.Rename(dir, to); err != nil {
		return "", fmt.Errorf("state directory: %w", err)
	}
	old, err := filepath.Glob(globEscape(dir) + ".damaged-*")
	if err != nil {
		return to, err
	}
	slices.Sort(old)
	for len(old) > keptAside {
		if err := os.RemoveAll(old[0]); err != nil {
			return to, fmt.Errorf("state directory: %w", err)
		}
		old = old[1:]
	}
	return to, nil
}

func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
