package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// killGrace is how long a killed script may take to be gone.
const killGrace = 10 * time.Second

// request is what is to be started.
type request struct {
	Argv []string
	Dir  string
	Env  []string
}

// process is one that was started, the leader of its process group.
type process struct {
	done  <-chan ended // gets one value
	group func() error // kills the process group; one that is gone is no error
}

// ended is how a process ended: its exit code, -1 after a signal, and how in words.
type ended struct {
	code int
	how  string
	err  error // the code is not known
}

// spawner starts a process, directly or inside a sandbox.
type spawner func(r request, stdout, stderr *os.File) (process, error)

// runScript runs a script with sh and waits for sh, not for what it left in the background. When the time is over or
// ctx is done, the whole process group is killed at once, as the agent does.
func runScript(ctx context.Context, spawn spawner, env []string, s Script) Exit {
	p, err := spawn(request{Argv: []string{"sh", "-c", shellWord(s.Path)}, Dir: s.WorkDir, Env: append(env, s.Env...)}, s.Stdout, s.Stderr)
	if err != nil {
		return Exit{Code: 1, Err: err}
	}
	timer, look := time.NewTimer(s.Timeout), time.NewTicker(recordPoll)
	defer timer.Stop()
	defer look.Stop()
	defer bound(s.Stdout, s.Stderr)
	for {
		select {
		case e := <-p.done:
			if e.err != nil {
				// Nobody knows how it goes on, so it must not.
				return Exit{Code: 1, Err: errors.Join(e.err, p.group())}
			}
			return Exit{Code: e.code, How: e.how}
		case <-timer.C:
			return Exit{Code: exitStopped, Err: p.kill()}
		case <-ctx.Done():
			return Exit{Code: exitStopped, Cancelled: true, Err: p.kill()}
		case <-look.C:
			bound(s.Stdout, s.Stderr)
		}
	}
}

// maxRecorded bounds what is kept of a script's output; a reply has much less of it. A script that writes on and on
// must not fill the disk, nor fail as it would at a file's limit.
const (
	maxRecorded = 64 << 20
	recordPoll  = 250 * time.Millisecond
)

// bound cuts what was recorded. The files are open for appending, so that writing goes on at the new end.
func bound(files ...*os.File) {
	for _, f := range files {
		if info, err := f.Stat(); err == nil && info.Size() > maxRecorded {
			_ = f.Truncate(maxRecorded) // if it cannot be cut the script goes on all the same
		}
	}
}

// kill ends the process group and waits for its leader.
func (p process) kill() error {
	if err := p.group(); err != nil {
		return fmt.Errorf("stop the script: %w", err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(killGrace):
		return errors.New("stop the script: it does not end")
	}
}

// shellWord quotes a path for sh -c where it needs that.
func shellWord(s string) string {
	plain := strings.IndexFunc(s, func(c rune) bool {
		return !strings.ContainsRune("/._-", c) && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) < 0
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
