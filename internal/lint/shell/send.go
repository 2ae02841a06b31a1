package shell

import (
	"regexp"
	"strconv"
	"time"
)

// defaultExecution is how long AWS-RunShellScript lets commands run where nothing says otherwise.
const defaultExecution = time.Hour

// executionTimeout finds the parameter in the shorthand and in JSON.
var executionTimeout = regexp.MustCompile(`executionTimeout["']?\s*[=:]\s*\[?\s*["']?(\d+)`)

// limitOf is how long a command may run. That of one that is not known is an hour.
func limitOf(e *event) time.Duration {
	if e == nil {
		return defaultExecution
	}
	if m := executionTimeout.FindStringSubmatch(e.flags["--parameters"].s); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	return defaultExecution
}
