//go:build unix

package files

import (
	"io/fs"
	"syscall"
)

// inode is the number of a file in its file system, 0 if there is none.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino) //nolint:unconvert // it has other types elsewhere
	}
	return 0
}
