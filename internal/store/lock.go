package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// locks are what this process has locked, by real names.
var locks = struct {
	sync.Mutex
	dirs      map[string]*stateDir
	databases map[string]struct{}
}{dirs: map[string]*stateDir{}, databases: map[string]struct{}{}}

// stateDir is a state directory that this process has. Its lock covers the databases in it, so that none of those needs
// an open file for a lock of its own. It is held until the last of them is closed, too.
type stateDir struct {
	name  string
	file  io.Closer // the lock of the operating system
	users int       // who took the directory, and the databases in it
}

// release counts one user less; the last one gives up the directory. locks are locked.
func (s *stateDir) release() error {
	if s.users--; s.users > 0 {
		return nil
	}
	delete(locks.dirs, s.name)
	return s.file.Close()
}

// Lock takes a state directory for this process, creating it if need be, until it and all databases in it are closed.
// The operating system drops the lock with the process, so a killed one leaves none behind. A directory in use gives
// ErrLocked. Nobody but the user of the process may look into it: it holds the data of the application.
func Lock(dir string) (io.Closer, error) {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.Chmod(dir, 0o700) // one that an earlier release has made
	}
	if err != nil {
		return nil, fmt.Errorf("store: state directory: %w", err)
	}
	real, err := realName(dir)
	if err != nil {
		return nil, fmt.Errorf("store: state directory: %w", err)
	}
	locks.Lock()
	defer locks.Unlock()
	file, err := lockFile(vfs.Default, filepath.Join(real, "lock"), dir)
	if err != nil {
		return nil, err
	}
	s := &stateDir{name: real, file: file, users: 1}
	locks.dirs[real] = s
	return newLock(s.release), nil
}

// lockDatabase takes a database on the disk. One in a state directory that this process has is only noted.
func lockDatabase(dir string) (io.Closer, error) {
	real, err := realName(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	locks.Lock()
	defer locks.Unlock()
	if _, used := locks.databases[real]; used {
		return nil, fmt.Errorf("%w: %s is open in this process", ErrLocked, dir)
	}
	var release func() error
	if s := locks.dirs[filepath.Dir(real)]; s != nil {
		s.users++
		release = s.release
	} else {
		file, err := lockFile(vfs.Default, filepath.Join(real, "LOCK"), dir)
		if err != nil {
			return nil, err
		}
		release = file.Close
	}
	locks.databases[real] = struct{}{}
	return newLock(func() error {
		delete(locks.databases, real)
		return release()
	}), nil
}

// realName is the one name of a directory by which a process knows its locks.
func realName(dir string) (string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}

// lockFile locks a file that stands for a directory.
func lockFile(fsys vfs.FS, name, dir string) (io.Closer, error) {
	l, err := fsys.Lock(name)
	if path := (*fs.PathError)(nil); errors.As(err, &path) { // there is no such file, and none can be made
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: give each process a directory of its own, or stop the other one: %w",
			ErrLocked, dir, err)
	}
	return l, nil
}

// lock is the function that gives it up, which may be called more than once.
type lock func() error

func (l lock) Close() error { return l() }

func newLock(release func() error) lock {
	return sync.OnceValue(func() error {
		locks.Lock()
		defer locks.Unlock()
		return release()
	})
}
