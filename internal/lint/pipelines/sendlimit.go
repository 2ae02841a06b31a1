package pipelines

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// What SendCommand and AWS-RunShellScript take where a send names no timeout, in seconds.
const (
	defaultDelivery  = 3600
	defaultExecution = 3600
)

// executionTimeout finds the parameter in the short-hand and in the JSON form of --parameters.
var executionTimeout = regexp.MustCompile(`executionTimeout["']?\s*[=:]\s*\[?\s*["']?(\d+)`)

// sendLimit is how long a command that the AWS CLI sends may take for certain, from the send to its last node. What only a
// run knows counts nothing.
func sendLimit(send *shell.Call) time.Duration {
	if send.Has("--cli-input-json") || send.Has("--cli-input-yaml") {
		return 0
	}
	delivery, execution := defaultDelivery, 0
	if name, ok := send.Flag("--document-name"); ok && slices.Contains(open[:2], name.Text) { // of others it stands in them
		execution = defaultExecution
	}
	if text, ok := send.Flag("--timeout-seconds"); ok {
		delivery = seconds(text.Written, 0)
	}
	if text, ok := send.Flag("--parameters"); ok {
		m := executionTimeout.FindStringSubmatch(text.Written)
		switch {
		case m != nil:
			execution = seconds(m[1], 0)
		case !text.Whole && !shell.OnlyCommands(text.Written) || len(text.Text) > 7 && text.Text[:7] == "file://":
			execution = 0
		}
	}
	return time.Duration(delivery+execution) * time.Second
}

func seconds(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 || n > 1e7 {
		return otherwise
	}
	return n
}
