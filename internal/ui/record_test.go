package ui

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/ship"
)

// recordScenes are what status, history and lock show, on one page: of a stage that is half shipped, of a large one, and of
// an empty one.
func recordScenes(u *UI) {
	at := time.Date(2026, 11, 28, 11, 0, 0, 0, time.UTC)
	good := &record.Summary{ID: "20261128T100000Z-one", App: "shop", Stage: "prod", Kind: record.KindDeploy, Version: "v1", Commit: "0123456789abcdef0123",
		Actor: "ann", Began: at.Add(-time.Hour), Ended: at.Add(-59 * time.Minute), Verdict: "succeeded", Nodes: map[string]int{"succeeded": 3}}
	bad := &record.Summary{ID: "20261128T110000Z-two", App: "shop", Stage: "prod", Kind: record.KindDeploy, Version: "v2\x1b[31m", Actor: "bob",
		Began: at, Ended: at.Add(90 * time.Second), Verdict: "failed", RolledBackBy: "20261128T110200Z-back", Nodes: map[string]int{"failed": 1, "succeeded": 1, "not started": 1}}
	back := &record.Summary{ID: "20261128T110200Z-back", App: "shop", Stage: "prod", Kind: record.KindRollback, Version: "v1", Target: good.ID, Began: at.Add(2 * time.Minute),
		UnderWay: record.Died}
	u.Survey(&record.Survey{App: "shop", Stage: "prod", Standing: record.StandingFailed, Version: "v1", Current: good, Latest: bad,
		Why:  []string{"the last deploy, 20261128T110000Z-two, failed: step release: 1 of 3 nodes failed", "1 node on another version"},
		Lock: record.LockView{Held: true, Owner: &record.Owner{Actor: "bob", Host: "runner", Deploy: back.ID}, Since: at, Until: at.Add(2 * time.Minute)},
		Nodes: []record.NodeView{
			{ID: "i-0a", Standing: record.StandingOutdated, State: "running", Version: "v2", Since: at, Verdict: "succeeded"},
			{ID: "i-0b", Standing: record.StandingUnknown, State: "stopped", Since: at, Verdict: "failed", Why: "step release:\nexit code 7"},
			{ID: "i-0c", Standing: record.StandingGone, Version: "v1", Since: at.Add(-time.Hour), Verdict: "not started"},
		}})
	large := &record.Survey{App: "shop", Stage: "fleet", Standing: record.StandingDrift, Version: "v1", Current: good, Why: []string{"1 node joined and never deployed to"}}
	for i := range 500 {
		large.Nodes = append(large.Nodes, record.NodeView{ID: fmt.Sprintf("i-%03d", i), Standing: record.StandingCurrent, State: "running", Version: "v1",
			Since: at, Verdict: "succeeded"})
	}
	large.Nodes[17] = record.NodeView{ID: "i-017", Standing: record.StandingJoined, State: "running"}
	u.Survey(large)
	u.Survey(&record.Survey{App: "shop", Stage: "new", Standing: record.StandingNothing, Why: []string{"nothing was deployed with success yet"}})
	u.History([]*record.Summary{back, bad, good})
	u.Lock("prod", record.LockView{})
	u.Lock("prod", record.LockView{Held: true, Owner: &record.Owner{Actor: "ann", Host: "laptop", Reason: "the database is moved"}, Since: at, Until: at.Add(time.Hour)})
	u.Lock("prod", record.LockView{Held: true, Left: true, Owner: &record.Owner{Actor: "bob", Deploy: back.ID}, Since: at, Until: at.Add(time.Minute)})
	u.Lock("prod", record.LockView{Held: true, Expired: true, Owner: &record.Owner{Actor: "ann"}, Since: at, Until: at})
	u.Deploy(&record.Deploy{ID: bad.ID, App: "shop", Stage: "prod", Kind: record.KindDeploy, RunID: "two", Version: "v2", Actor: "bob", Began: at, Ended: bad.Ended, Verdict: "failed",
		Why: "1 of 2 nodes failed", Previous: good.ID, RolledBackBy: back.ID, CancelRequested: at.Add(time.Minute), Resumed: []record.Resumption{{At: at.Add(time.Minute), Actor: "ann", Host: "laptop"}},
		Sends: []record.Send{{Step: "release", Batch: 1, Nodes: []string{"i-0a"}, CommandID: "1e41bea6-fe60-40d3-9a54-3212d8f06ce2", Sent: at, Verdict: "succeeded"},
			{Step: "release", Batch: 1, Check: true, Nodes: []string{"i-0a"}, Intended: at}},
		Nodes: map[string]record.Node{"i-0a": {Verdict: "succeeded", Version: "v2", Step: "release", Status: "Success"},
			"i-0b": {Verdict: "failed", Step: "release", Status: "Failed", ExitCode: 7, Why: "exit code 7"}, "i-0c": {Verdict: "not started", Version: "v1"}}})
}

func TestRecordPage(t *testing.T) {
	t.Parallel()
	var out, err strings.Builder
	recordScenes(New(&out, &err, Options{}))
	golden(t, "testdata/record.txt", out.String())
	if err.Len() > 0 {
		t.Errorf("data went to stderr:\n%s", err.String())
	}
}

// On 100 columns no row of status and history is broken, and each still says what stands how.
func TestRecordPageFitsTheTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	u := New(&out, &out, Options{Width: 100})
	recordScenes(u)
	wide := regexp.MustCompile(`^(i-|prod +2026|NODE|STAGE|release )`)
	rows := 0
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSuffix(line, "\n"); wide.MatchString(line) {
			rows++
			if columns(line) > 100 {
				t.Errorf("%d columns: %s", columns(line), line)
			}
		}
	}
	if rows < 15 || !strings.Contains(out.String(), "NODE       STANDING  VERSION") || strings.Contains(out.String(), "COMMIT") {
		t.Errorf("%d rows:\n%s", rows, out.String())
	}
}

func TestRecordPageInColour(t *testing.T) {
	t.Parallel()
	var plain, coloured strings.Builder
	recordScenes(New(&plain, &plain, Options{}))
	recordScenes(New(&coloured, &coloured, Options{Color: true}))
	if got := stripped(coloured.String()); got != plain.String() || !strings.Contains(coloured.String(), "\x1b[31mfailed\x1b[0m") {
		t.Errorf("colour changes more than the colour:\n%s", got)
	}
}

// stripped is text without colours.
func stripped(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		before, after, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			break
		}
		_, text, _ = strings.Cut(after, "m")
	}
	return b.String()
}

// Who locks a stage, and why, is written by whoever may write the record's bucket.
func TestNotesAreHarmless(t *testing.T) {
	t.Parallel()
	const evil = "\x1b]0;owned\a\x1b[2J\u202eme\r"
	u, out, errs := drawn(Options{Color: true})
	u.Note("waiting: %v", evil)
	u.Warn("%s", evil)
	u.Print("released; it was locked by " + evil)
	u.rolledBack(&ship.Result{Verdict: ship.Succeeded, Record: &ship.Recorded{Version: evil}})
	text := colours.ReplaceAllString(out.String()+errs.String(), "")
	if strings.ContainsAny(text, "\x1b\a\r\u202e") {
		t.Errorf("a control character reaches the terminal: %q", text)
	}
}
