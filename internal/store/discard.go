package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const discarded = ".discarded"

// Discard removes the directory of a database that is not in use; one that is gives ErrLocked. A process that dies
// meanwhile leaves either the whole, or a rest that RemoveDiscarded removes.
func Discard(dir string) error {
	dir = filepath.Clean(dir)
	lock, err := lockDatabase(dir)
	if err != nil {
		return err
	}
	to := dir + discarded
	err = os.RemoveAll(to) // of another time
	if err == nil {
		err = os.Rename(dir, to)
	}
	if err = errors.Join(err, lock.Close()); err == nil {
		err = os.RemoveAll(to)
	}
	if err != nil {
		return fmt.Errorf("store: discard: %w", err)
	}
	return nil
}

// RemoveDiscarded removes what Discard has left in a state directory.
func RemoveDiscarded(stateDir string) error {
	entries, err := os.ReadDir(stateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), discarded) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(stateDir, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("store: discard: %w", err)
	}
	return nil
}
