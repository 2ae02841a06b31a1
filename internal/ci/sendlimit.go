package ci

import (
	"regexp"
	"strconv"
	"time"
)

// What SendCommand and AWS-RunShellScript take where a send names no timeout, in seconds.
const (
	defaultDelivery  = 3600
	defaultExecution = 3600
)

// executionTimeout finds the parameter in the short-hand and in the JSON form of --parameters.
var executionTimeout = regexp.MustCompile(`executionTimeout["']?\s*[=:]\s*\[?\s*["']?(\d+)`)

// sendLimit is how long a command that the AWS CLI sends may take, from the send to its last node.
func sendLimit(send invocation) time.Duration {
	delivery, execution := defaultDelivery, defaultExecution
	if text, ok := send.flag("--timeout-seconds"); ok {
		delivery = number(text, delivery)
	}
	if text, ok := send.flag("--parameters"); ok {
		if m := executionTimeout.FindStringSubmatch(text); m != nil {
			execution = number(m[1], execution)
		}
	}
	return time.Duration(delivery+execution) * time.Second
}

func number(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return otherwise
	}
	return n
}
