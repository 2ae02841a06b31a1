package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"

	"github.com/slipway-cd/slipway/internal/ship"
)

// terminal is a terminal under test: what is written to it goes through an emulator that somebody else wrote, after the
// tty's line discipline.
type terminal struct {
	*vt.Emulator
	columns, rows int
	writes        int
	raw           bytes.Buffer
}

func newTerminal(columns, rows int) *terminal {
	return &terminal{Emulator: vt.NewEmulator(columns, rows), columns: columns, rows: rows}
}

func (t *terminal) Write(p []byte) (int, error) {
	t.writes++
	t.raw.Write(p)
	if _, err := t.Emulator.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteString hides the emulator's.
func (t *terminal) WriteString(s string) (int, error) { return t.Write([]byte(s)) }

// picture is the screen as text, with what scrolled out of it above.
func (t *terminal) picture() string {
	var lines []string
	for y := range t.ScrollbackLen() {
		lines = append(lines, t.scrolled(y))
	}
	scrolled := len(lines)
	for line := range strings.SplitSeq(t.String(), "\n") {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	for len(lines) > scrolled && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	var b strings.Builder
	for i, line := range lines {
		edge := "│"
		if i < scrolled {
			edge = "↑"
		}
		b.WriteString(strings.TrimRight(edge+line, " ") + "\n")
	}
	return b.String()
}

func (t *terminal) scrolled(y int) string {
	var b strings.Builder
	for x := range t.columns {
		if cell := t.ScrollbackCellAt(x, y); cell != nil && cell.Content != "" {
			b.WriteString(cell.Content)
		} else if cell == nil || cell.Width > 0 {
			b.WriteByte(' ')
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// scene is a deploy that is shown on a terminal, with a clock of its own.
type scene struct {
	ui   *UI
	term *terminal
	end  func()
	now  time.Time
	tick func()
	last time.Time // when tick was called
}

func newScene(columns, rows int, s Subject) *scene {
	sc := &scene{term: newTerminal(columns, rows), now: noon}
	sc.ui = New(sc.term, sc.term, Options{Size: func() (int, int) { return sc.term.columns, sc.term.rows }, Now: func() time.Time { return sc.now },
		Every: func(_ time.Duration, do func()) func() { sc.tick = do; return func() {} }})
	sc.end = sc.ui.Begin(s)
	return sc
}

// event gives the next event, as ship does, and lets the clock draw.
func (sc *scene) event(after time.Duration, e ship.Event) {
	sc.now = sc.now.Add(after)
	e.Time, e.Stage = sc.now, "prod"
	sc.ui.Event(e)
	if sc.now.Sub(sc.last) >= frameEvery {
		sc.last = sc.now
		sc.tick()
	}
}

// wait lets time go by.
func (sc *scene) wait(d time.Duration) {
	sc.now = sc.now.Add(d)
	sc.tick()
}

// The live table is drawn with one write a frame, only when something changed, and leaves the cursor visible and the
// lines wrapped at its end.
func TestTheTerminalIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	sc := newScene(80, 24, Subject{App: "shop"})
	sc.event(0, ship.Event{Kind: ship.EventTargets, Message: "1 node: i-1", Nodes: []string{"i-1"}})
	if !sc.term.CursorHidden() {
		t.Error("the cursor is visible while the table is drawn")
	}
	before := sc.term.writes
	sc.event(100*time.Millisecond, ship.Event{Kind: ship.EventNode, Step: "release", Instance: "i-1", Message: "InProgress"})
	sc.wait(100 * time.Millisecond)
	if n := sc.term.writes - before; n != 1 {
		t.Errorf("%d writes for one change", n)
	}
	sc.end()
	sc.end() // more than once
	if sc.term.CursorHidden() {
		t.Error("the cursor stays hidden")
	}
	if got := sc.term.picture(); got != "" {
		t.Errorf("the table stays:\n%s", got)
	}
	raw := sc.term.raw.String()
	if strings.LastIndex(raw, wrap) < strings.LastIndex(raw, noWrap) {
		t.Error("long lines are not broken any more")
	}
}

// After Ctrl-C the cursor is visible: the second one ends the program at once.
func TestTheCursorIsBackAfterCtrlC(t *testing.T) {
	t.Parallel()
	sc := newScene(80, 24, Subject{})
	sc.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: "i-1", Message: "InProgress"})
	sc.ui.Interrupt("cancelling…")
	sc.event(time.Second, ship.Event{Kind: ship.EventNode, Step: "release", Instance: "i-1", Message: "Cancelling"})
	if sc.term.CursorHidden() {
		t.Error("the cursor is hidden")
	}
	if got := sc.term.picture(); !strings.Contains(got, "interrupted: cancelling…") {
		t.Errorf("it does not say so:\n%s", got)
	}
}

func TestTheCursorIsBackAfterAPanic(t *testing.T) {
	t.Parallel()
	sc := newScene(80, 24, Subject{})
	sc.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: "i-1", Message: "InProgress"})
	sc.ui.o.Size = func() (int, int) { panic("planted") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		sc.tick()
	}()
	if sc.term.CursorHidden() {
		t.Error("the cursor is hidden")
	}
}

// What comes meanwhile stands above the table, whichever stream it goes to, and nothing of the table stays behind.
func TestOtherTextStandsAboveTheTable(t *testing.T) {
	t.Parallel()
	sc := newScene(60, 12, Subject{})
	sc.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: "i-1", Message: "InProgress"})
	sc.ui.Note("a note")
	sc.ui.Print("data")
	if _, err := io.WriteString(sc.ui.Stderr(), "a log line\n"); err != nil {
		t.Error(err)
	}
	sc.event(time.Second, ship.Event{Kind: ship.EventWarning, Message: "careful: " + strings.Repeat("long ", 20) + "end"})
	want := `│a note
│data
│a log line
│12:00:01 prod  warning: careful: long long long long long lo
│ng long long long long long long long long long long long lo
│ng long long end
│prod  1s  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0 of 1 node
│step release
│  NODE  STATUS      TIME  LAST LINE OF OUTPUT
│● i-1   InProgress    1s
`
	if got := sc.term.picture(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A step that is for some of the targets only shows those.
func TestAStepForSomeNodes(t *testing.T) {
	t.Parallel()
	sc := newScene(60, 12, Subject{})
	sc.event(0, ship.Event{Kind: ship.EventTargets, Nodes: []string{"i-1", "i-2", "i-3"}})
	sc.event(0, ship.Event{Kind: ship.EventBatch, Step: "migrate", Nodes: []string{"i-2"}, Batch: &ship.Batch{Number: 1, Of: 1, Total: 1}})
	sc.wait(time.Second)
	if got := sc.term.picture(); !strings.Contains(got, "0 of 1 node") || !strings.Contains(got, "○ i-2") || strings.Contains(got, "i-1") || strings.Contains(got, "not started") {
		t.Errorf("got\n%s", got)
	}
	sc.event(0, ship.Event{Kind: ship.EventBatch, Step: "release", Nodes: []string{"i-1"}, Batch: &ship.Batch{Number: 1, Of: 2, Total: 3}})
	sc.wait(time.Second)
	if got := sc.term.picture(); !strings.Contains(got, "0 of 3 nodes") || strings.Count(got, "· i-") != 2 {
		t.Errorf("got\n%s", got)
	}
}

// A terminal that becomes smaller and larger again, line by line and column by column, shows the last frame whole.
func TestResize(t *testing.T) {
	t.Parallel()
	sc := newScene(100, 30, Subject{App: "shop", Version: "v42"})
	var ids []string
	for i := range 40 {
		ids = append(ids, nodeID(i))
	}
	sc.event(0, ship.Event{Kind: ship.EventTargets, Nodes: ids})
	for _, id := range ids {
		sc.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: id, Message: "InProgress"})
	}
	for _, size := range [][2]int{{100, 20}, {80, 12}, {40, 10}, {20, 5}, {10, 3}, {1, 1}, {120, 40}} {
		sc.term.columns, sc.term.rows = size[0], size[1]
		sc.term.Resize(size[0], size[1])
		sc.wait(time.Second)
		lines := strings.Split(strings.TrimRight(sc.term.String(), " \n"), "\n")
		if len(lines) > size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
	}
	got := sc.term.picture()
	if strings.Count(got, "40 nodes") < 1 || !strings.Contains(got, "… 5 more running") {
		t.Errorf("the last frame is not whole:\n%s", got)
	}
}

// On a terminal that breaks lines anew, the lines that a frame takes are counted as the terminal broke them.
func TestReflow(t *testing.T) {
	t.Parallel()
	s := screen{reflows: true}
	s.frame("", []string{strings.Repeat("x", 100), strings.Repeat("y", 50), "z"}, 100)
	if got := strings.Count(s.frame("", []string{"a"}, 40), lineUp); got != 3+2 {
		t.Errorf("%d lines up, want 5", got)
	}
	s = screen{}
	s.frame("", []string{strings.Repeat("x", 100), strings.Repeat("y", 50), "z"}, 100)
	if got := strings.Count(s.frame("", []string{"a"}, 40), lineUp); got != 2 {
		t.Errorf("%d lines up, want 2", got)
	}
}

func nodeID(i int) string { return fmt.Sprintf("i-0%016x", 0x42cc2b6119c+uint64(i)*7919) }

// Events, notes, frames and Ctrl-C come from goroutines of their own; a terminal that is stopped does not stop the deploy.
func TestAStoppedTerminalStopsNoDeploy(t *testing.T) {
	t.Parallel()
	w := &stoppable{goOn: make(chan struct{})}
	u := New(w, w, Options{Size: func() (int, int) { return 80, 24 }})
	end := u.Begin(Subject{App: "shop"})
	done := make(chan struct{})
	go func() {
		defer close(done)
		u.Interrupt("cancelling…")
	}()
	for i := range 100 { // none of them waits, though nothing can be written
		u.Event(ship.Event{Time: time.Now(), Kind: ship.EventNode, Stage: "prod", Step: "release", Instance: nodeID(i % 20), Status: "InProgress", Message: "InProgress"})
		time.Sleep(2 * time.Millisecond)
	}
	close(w.goOn)
	<-done
	end()
	if text := w.text.String(); !strings.HasSuffix(text, clearBelow) || !strings.Contains(text, "interrupted: cancelling…") {
		t.Errorf("got %q", text)
	}
}

// stoppable writes nothing until it goes on.
type stoppable struct {
	goOn chan struct{}
	text strings.Builder
}

func (w *stoppable) Write(p []byte) (int, error) {
	<-w.goOn
	return w.text.Write(p)
}

// Of many nodes those are seen on which something runs, those that say something first; one that Run Command keeps for
// later waits, and does not run.
func TestNodesThatWaitComeLast(t *testing.T) {
	t.Parallel()
	sc := newScene(80, 10, Subject{})
	for i := 40; i > 0; i-- { // as Run Command lists them: in any order
		sc.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: fmt.Sprintf("i-%02d", i), Status: "Pending", Message: "Pending"})
	}
	for _, i := range []int{21, 33, 12, 5} {
		sc.event(time.Second, ship.Event{Kind: ship.EventNode, Step: "release", Instance: fmt.Sprintf("i-%02d", i), Status: "InProgress", Message: "InProgress"})
	}
	sc.event(0, ship.Event{Kind: ship.EventOutput, Step: "release", Instance: "i-33", Message: "installing\n"})
	sc.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: "i-40", Status: "Failed", Verdict: ship.Failed, Node: &ship.NodeResult{InstanceID: "i-40", Verdict: ship.Failed}})
	sc.wait(time.Second)
	var ids []string
	for line := range strings.Lines(sc.term.picture()) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], "i-") && strings.HasPrefix(line, "│") && strings.ContainsAny(fields[0], "✗●○") {
			ids = append(ids, fields[1])
		}
	}
	if got := strings.Join(ids, " "); got != "i-40 i-33 i-05 i-12 i-21" || !strings.Contains(sc.term.picture(), "… 35 more waiting") {
		t.Errorf("shown are %s:\n%s", got, sc.term.picture())
	}
	if got := sc.ui.model.summary(); got != "1 of 40 nodes done, 1 failed, 4 running, 35 waiting" {
		t.Errorf("summary: %s", got)
	}
}

// A resume ships what its deploy's record has, and a rollback an earlier deploy, whatever the release file says now.
func TestTheHeaderHasTheRecordsVersion(t *testing.T) {
	t.Parallel()
	sc := newScene(80, 10, Subject{App: "shop", Version: "v1"})
	for _, e := range []struct {
		ship.Event
		want string
	}{
		{ship.Event{Kind: ship.EventIdentity, Message: "arn"}, "shop/prod  v1  "},
		{ship.Event{Kind: ship.EventRecord, Version: "v5", Message: "taking up deploy d-5"}, "shop/prod  v5  "},
		{ship.Event{Kind: ship.EventSent, Step: "release", CommandID: "c"}, "shop/prod  v5  "},
		{ship.Event{Kind: ship.EventRollback, Version: "v4", Message: "back to v4"}, "shop/prod  v4  "},
	} {
		sc.event(time.Second, e.Event)
		if got := sc.term.picture(); !strings.Contains(got, e.want) {
			t.Errorf("after %s there is no %q:\n%s", e.Kind, e.want, got)
		}
	}
}

// The terminal echoes ^C where the cursor is: below the table, where the next prompt is as well.
func TestAnotherCtrlCIsEchoedBelowTheTable(t *testing.T) {
	t.Parallel()
	sc := newScene(60, 12, Subject{})
	sc.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: "i-1", Status: "InProgress", Message: "InProgress"})
	sc.ui.Interrupt("cancelling…")
	if _, err := sc.term.WriteString("^C"); err != nil {
		t.Fatal(err)
	}
	got := strings.TrimRight(sc.term.picture(), "\n")
	if !strings.HasSuffix(got, "\n│^C") || !strings.Contains(got, "│● i-1 ") {
		t.Errorf("got\n%s", got)
	}
}

// Without a log group nothing is known of what a script prints before it ends: the table says so.
func TestTheTableSaysWhereNoLastLineCanBe(t *testing.T) {
	t.Parallel()
	const hint = "LAST LINE (at the end: no log-group)"
	sc := newScene(80, 12, Subject{Silent: map[string][]string{"prod": {"migrate"}}})
	sc.event(0, ship.Event{Kind: ship.EventNode, Step: "migrate", Instance: "i-1", Status: "InProgress", Message: "InProgress"})
	sc.wait(time.Second)
	if got := sc.term.picture(); !strings.Contains(got, hint) {
		t.Errorf("a step without a log group:\n%s", got)
	}
	sc.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: "i-1", Status: "InProgress", Message: "InProgress"})
	sc.wait(time.Second)
	if got := sc.term.picture(); strings.Contains(got, hint) || !strings.Contains(got, "LAST LINE OF OUTPUT") {
		t.Errorf("a step with one:\n%s", got)
	}
}
