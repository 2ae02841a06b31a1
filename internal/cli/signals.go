package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// endSignals are how a user ends a command.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

const (
	// sameSignal is for how long after the first signal another is the same one: timeout(1) signals its child and its
	// group, and a terminal that is closed sends several.
	sameSignal = time.Second
	// lastWords is how long a terminal may hold up a program that is to end at once.
	lastWords = time.Second
)

// leaving is what a command that ships leaves open where it ends before its end. It is safe for concurrent use.
type leaving struct {
	mu     sync.Mutex
	ships  bool
	say    func(text string)
	deploy string
	until  time.Time
	resume func() string
}

// begin says that the command ships, and how its last words are said.
func (l *leaving) begin(say func(string)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ships, l.say = true, say
}

// holds is told which deploy holds the stage's lock until when; no deploy when it was given back.
func (l *leaving) holds(deploy string, until time.Time, resume func() string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deploy, l.until, l.resume = deploy, until, resume
}

func (l *leaving) shipping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ships
}

// words say what is left open.
func (l *leaving) words() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deploy == "" {
		return "ended at once, on the second signal; `slipway status` says whether anything is left open"
	}
	text := fmt.Sprintf("ended at once, on the second signal: deploy %s is left open, and holds the lock until %s UTC",
		l.deploy, l.until.UTC().Format("2006-01-02 15:04:05"))
	if line := l.resume(); line != "" {
		text += "; what became of it tells: " + line
	}
	return text
}

// tell says it, but waits for no terminal that is stopped.
func (l *leaving) tell() {
	l.mu.Lock()
	say := l.say
	l.mu.Unlock()
	said := make(chan struct{})
	go func() {
		say(l.words())
		close(said)
	}()
	select {
	case <-said:
	case <-time.After(lastWords):
	}
}

// untilSignal is ctx until the first signal. A second one ends the program at once: a command that ships says first what it
// leaves open.
func untilSignal(ctx context.Context, open *leaving) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, len(endSignals))
	signal.Notify(signals, endSignals...)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		first := time.Now()
		if !open.shipping() {
			signal.Stop(signals) // the default action is back, and ends the program
			cancel()
			return
		}
		cancel()
		for range signals {
			if time.Since(first) >= sameSignal {
				open.tell()
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// outlivesReaders keeps a reader that goes away, as head does, from ending a command halfway: it goes on without output.
func outlivesReaders() (stop func()) {
	// Not ignored, which the programs that local nodes start would inherit.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return func() { signal.Stop(pipe) }
}

// unread writes to a reader that may have gone away.
type unread struct{ io.Writer }

func (w unread) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}
