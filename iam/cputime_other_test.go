//go:build !unix

package iam_test

import "time"

// cpuTime is the time on the clock where the processors' is not known.
func cpuTime() time.Duration { return time.Since(started) }
