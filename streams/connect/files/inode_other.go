//go:build !unix

package files

import "io/fs"

// inode is 0: files have no numbers here.
func inode(fs.FileInfo) uint64 { return 0 }
