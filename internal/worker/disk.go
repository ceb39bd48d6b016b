package worker

import (
	"errors"
	"syscall"
)

// isDiskFull is true for a disk, or a share of it, that is used up.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isDiskError is true for a disk that is full, broken or read-only.
func isDiskError(err error) bool {
	return isDiskFull(err) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EROFS)
}
