package store

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the file system of one database. It differs from the real one in two ways.
//
// Write-ahead logs are never synced. A commit without sync stays in Pebble's own buffer until 32 KB have come together,
// and dies with the process: some 200 small batches, as measured. A commit with sync hands the log to the operating
// system and then waits for the disk. Here it does the first and not the second.
//
// The first write that fails is the last. Pebble has no way back from a failed write: a full disk makes it end the
// process (log, manifest), or try again without end while commits wait (tables). So a failure is kept in health, Pebble
// is told that all is well, and from then on everything it writes, renames or removes goes nowhere. The directory stays
// as a process killed at that moment would have left it, which is what Pebble can recover from.
type disk struct {
	vfs.FS
	*health
	lock  io.Closer // of the directory; nil before Pebble asks for it
	names newNames
}

// do runs a write unless one has failed. Files that are missing, or there already, are answers and not failures.
func (d *disk) do(write func() error) error {
	if d.err() != nil {
		return nil
	}
	err := write()
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return err
	}
	d.fail(ErrDisk, err)
	return nil
}

// file is a file to write to: one in memory, which nobody reads, if a write has failed. That there is no such file, or
// no directory for it any more, is a failure, too: Pebble would end the process.
func (d *disk) file(name string, open func() (vfs.File, error)) (f vfs.File, err error) {
	if d.err() == nil {
		if f, err = open(); err != nil {
			f = nil
			d.fail(ErrDisk, err)
		}
	}
	d.names.add(name)
	if f == nil {
		f, err = vfs.NewMem().Create("lost", vfs.WriteCategoryUnspecified)
	}
	return &diskFile{File: f, disk: d, log: isLog(name)}, err
}

func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.file(name, func() (vfs.File, error) { return d.FS.Create(name, category) })
}

func (d *disk) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.file(to, func() (vfs.File, error) { return d.FS.ReuseForWrite(from, to, category) })
}

func (d *disk) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption,
) (vfs.File, error) {
	return d.file(name, func() (vfs.File, error) { return d.FS.OpenReadWrite(name, category, options...) })
}

// OpenDir is for syncing the names in a directory. Pebble keeps five such handles of each database.
func (d *disk) OpenDir(name string) (vfs.File, error) { return &diskDir{disk: d, name: name}, nil }

// Open is for reading. A file that went nowhere must not look like one that is missing.
func (d *disk) Open(name string, options ...vfs.OpenOption) (vfs.File, error) {
	if err := d.err(); err != nil {
		return nil, err
	}
	return d.FS.Open(name, options...)
}

func (d *disk) Link(from, to string) error {
	defer d.names.add(to)
	return d.do(func() error { return d.FS.Link(from, to) })
}

func (d *disk) Rename(from, to string) error {
	defer d.names.add(to)
	return d.do(func() error { return d.FS.Rename(from, to) })
}

func (d *disk) Remove(name string) error {
	return d.do(func() error { return d.FS.Remove(name) })
}

func (d *disk) RemoveAll(name string) error {
	return d.do(func() error { return d.FS.RemoveAll(name) })
}

func (d *disk) MkdirAll(name string, perm os.FileMode) error {
	return d.do(func() error { return d.FS.MkdirAll(name, perm) })
}

// Lock takes the database for this process, and looks for damage before Pebble changes anything.
func (d *disk) Lock(name string) (io.Closer, error) {
	lock, err := d.lockDatabase(name)
	if err != nil {
		return nil, err
	}
	if err := checkManifest(d, d.dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	d.lock = lock
	return lock, nil
}

// lockDatabase is quick about a disk in memory, which no other process sees.
func (d *disk) lockDatabase(name string) (io.Closer, error) {
	if d.FS == vfs.Default {
		return lockDatabase(d.dir)
	}
	l, err := lockFile(d.FS, name, d.dir)
	if err != nil {
		return nil, err
	}
	return newLock(l.Close), nil
}

// unlock is for a database that Pebble may not close any more.
func (d *disk) unlock() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

// Unwrap is for Pebble, which looks for the disk underneath.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// diskFile is a file that Pebble writes.
type diskFile struct {
	vfs.File
	disk *disk
	log  bool
}

func (f *diskFile) Write(p []byte) (int, error) {
	return len(p), f.disk.do(func() error {
		_, err := f.File.Write(p)
		return err
	})
}

func (f *diskFile) WriteAt(p []byte, offset int64) (int, error) {
	return len(p), f.disk.do(func() error {
		_, err := f.File.WriteAt(p, offset)
		return err
	})
}

func (f *diskFile) Preallocate(offset, length int64) error {
	return f.disk.do(func() error { return f.File.Preallocate(offset, length) })
}

func (f *diskFile) Sync() error {
	if f.log {
		return nil
	}
	return f.disk.do(f.File.Sync)
}

func (f *diskFile) SyncData() error {
	if f.log {
		return nil
	}
	return f.disk.do(f.File.SyncData)
}

func (f *diskFile) SyncTo(length int64) (full bool, err error) {
	if f.log {
		return false, nil
	}
	err = f.disk.do(func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

// Close always closes: what does not fit may be told here, by network file systems for one.
func (f *diskFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.disk.fail(ErrDisk, err)
	}
	return nil
}
