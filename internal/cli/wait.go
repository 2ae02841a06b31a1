package cli

import (
	"fmt"
	"time"

	"github.com/alecthomas/kong"
)

// waitFlag is --wait, or --wait=DURATION: for how long something is waited for. 0 is not at all, less is without end.
type waitFlag time.Duration

// Decode is kong's.
func (w *waitFlag) Decode(ctx *kong.DecodeContext) error {
	*w = -1
	token := ctx.Scan.Peek()
	if token.Type != kong.FlagValueToken {
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	if text == "true" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf("--wait=%s: a duration such as 10m is wanted", text)
	}
	*w = waitFlag(d)
	return nil
}

// IsBool lets the flag stand without a value.
func (waitFlag) IsBool() bool { return true }
