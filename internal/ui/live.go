package ui

import "time"

// heartbeatCheck is how often it is checked whether a deploy was silent for too long, where progress is lines.
const heartbeatCheck = time.Second

// Begin says what is about to be shipped, and starts the clock by which a table is drawn again, or a line says that
// slipway still waits. The function that it returns ends that and leaves the terminal as it was; it may be called more
// than once, and must be called before the program ends.
func (u *UI) Begin(s Subject) (end func()) {
	u.mu.Lock()
	u.model.subject = s
	u.lastLine = u.o.Now()
	u.live = u.o.Size != nil && !u.o.JSON
	live := u.live
	u.mu.Unlock()
	stop := func() {}
	switch {
	case live:
		stop = u.o.Every(frameEvery, u.draw)
	case !u.o.JSON:
		stop = u.o.Every(heartbeatCheck, u.beat)
	}
	return func() {
		stop()
		u.end()
	}
}

// end leaves the terminal as it was before Begin. What waited to be shown above the table is shown.
func (u *UI) end() {
	u.flush()
	u.mu.Lock()
	u.live = false
	u.mu.Unlock()
	u.wmu.Lock()
	defer u.wmu.Unlock()
	u.put(u.err, u.screen.end(u.terminalColumns()))
}

// Interrupt shows at once that the user's Ctrl-C arrived, and what it brings about: "cancelling…". From then on the
// cursor stays visible: a second Ctrl-C may end the program at any moment.
func (u *UI) Interrupt(what string) {
	if u.o.JSON {
		u.document("note", map[string]any{"message": "interrupted: " + what})
		return
	}
	u.mu.Lock()
	u.interrupted = what
	live := u.live
	u.mu.Unlock()
	if !live {
		u.write(u.err, u.paint(yellow, "interrupted: ")+what+"\n")
		return
	}
	u.wmu.Lock()
	u.screen.cursor = true
	if u.screen.hidden {
		u.screen.hidden = false
		u.put(u.err, showCursor)
	}
	u.wmu.Unlock()
	u.draw()
}

// draw draws a frame. What an event brings is only noted when it comes, so that a terminal that is stopped, with Ctrl-S
// or by a broken connection, does not stop the deploy.
func (u *UI) draw() {
	defer u.restoreOnPanic()
	u.wmu.Lock()
	defer u.wmu.Unlock()
	columns, rows := u.o.Size()
	permanent, lines := u.compose(columns, rows)
	if permanent == "" && lines == nil {
		return
	}
	u.put(u.err, u.screen.frame(permanent, lines, columns))
}

// compose takes what is to be shown out of what the events left.
func (u *UI) compose(columns, rows int) (permanent string, lines []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	permanent = u.pending.String()
	u.pending.Reset()
	if u.live && !u.model.began.IsZero() && !u.model.ended {
		l := look{columns: columns, rows: rows, now: u.o.Now(), interrupted: u.interrupted, paint: u.paint}
		if u.interrupted == "" || rows < 3 {
			return permanent, u.model.frame(l)
		}
		l.rows-- // the terminal echoes another ^C, after which the program may end: it has a line of its own
		lines = append(u.model.frame(l), "")
	}
	return permanent, lines
}

// flush writes what waits to be shown above the table, and takes the table away.
func (u *UI) flush() {
	u.mu.Lock()
	text := u.pending.String()
	u.pending.Reset()
	u.model.ended, u.lockTold = true, time.Time{}
	u.mu.Unlock()
	u.write(u.err, text)
}

// restoreOnPanic leaves a terminal behind in which a person can see what they type.
func (u *UI) restoreOnPanic() {
	if r := recover(); r != nil {
		u.put(u.err, showCursor+wrap)
		panic(r)
	}
}

func (u *UI) terminalColumns() int {
	if u.o.Size == nil {
		return 0
	}
	columns, _ := u.o.Size()
	return columns
}

// every calls do each d until stop is called.
func every(d time.Duration, do func()) (stop func()) {
	ticker, done, ended := time.NewTicker(d), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				do()
			}
		}
	}()
	stopped := false
	return func() {
		if stopped {
			return
		}
		stopped = true
		ticker.Stop()
		close(done)
		<-ended
	}
}
