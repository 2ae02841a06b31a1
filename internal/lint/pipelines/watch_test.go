package pipelines

import (
	"fmt"
	"testing"
	"time"
)

// watched ends a run that does not end by itself, with what it was given.
func watched(t *testing.T, input string) {
	timer := time.AfterFunc(10*time.Second, func() { panic(fmt.Sprintf("no end with %q", input)) })
	t.Cleanup(func() { timer.Stop() })
}
