package store

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// unsyncedLogs is a file system whose write-ahead logs are never synced to the disk.
//
// A commit without sync stays in Pebble's own buffer until 32 KB have come together, and dies with the process: some
// 200 small batches, as measured. A commit with sync hands the log to the operating system and then waits for the disk.
// With this file system it does the first and not the second, so a killed process loses nothing that was acknowledged.
type unsyncedLogs struct{ vfs.FS }

func (fs unsyncedLogs) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	return unsynced(name, f), err
}

func (fs unsyncedLogs) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, category)
	return unsynced(to, f), err
}

// Unwrap is for Pebble, which looks for the disk underneath.
func (fs unsyncedLogs) Unwrap() vfs.FS { return fs.FS }

func unsynced(name string, f vfs.File) vfs.File {
	if f == nil || !strings.HasSuffix(name, ".log") {
		return f
	}
	return unsyncedFile{f}
}

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error                { return nil }
func (unsyncedFile) SyncData() error            { return nil }
func (unsyncedFile) SyncTo(int64) (bool, error) { return false, nil }
