package worker

import (
	"errors"
	"syscall"
)

// isDiskError is true for a disk that is full, broken or read-only.
func isDiskError(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EROFS) ||
		errors.Is(err, syscall.EDQUOT)
}
