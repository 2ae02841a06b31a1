//go:build unix

package iam_test

import (
	"syscall"
	"time"
)

// cpuTime is what the process has used of the processors: a busy machine does not change it much.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return time.Since(started)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
