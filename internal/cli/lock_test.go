package cli

import (
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
)

// A wait of a minute and a half for a lock, looked at every second, is four lines.
func TestTheWaitForALockIsToldSeldom(t *testing.T) {
	t.Parallel()
	now, lines := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), 0
	tell := seldom(func() time.Time { return now }, func(*record.HeldError) { lines++ })
	for range 100 {
		tell(&record.HeldError{})
		now = now.Add(time.Second)
	}
	if lines != 4 {
		t.Errorf("told %d times", lines)
	}
}
