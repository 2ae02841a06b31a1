package ship

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// overlap is how far back a tail looks again: lines of several nodes do not arrive in the order of their times.
const overlap = 10 * time.Second

// tailer shows what a command's scripts print while they run, from the log group that the agents write to: one call a
// tick for all nodes. It decides nothing, and ends nothing: what it cannot read it says once.
type tailer struct {
	w     *watch
	group string
	// from is the time, in milliseconds, that the next look begins at; next is the page that it goes on with.
	from int64
	next *string
	// latest is the newest line's time, and seen the lines of the overlap that were shown.
	latest int64
	seen   map[string]int64
	off    bool
}

// A look waits no longer than tailPatience for an answer, and after none there is no other one for tailRest, of no command.
const (
	tailPatience = 5 * time.Second
	tailRest     = 30 * time.Second
)

// newTailer tails a watch's command; nil where its output goes to no log group.
func newTailer(w *watch) *tailer {
	if w.step.Output.LogGroup == "" {
		return nil
	}
	return &tailer{w: w, group: w.step.Output.LogGroup, from: w.sent.at.Add(-skew).UnixMilli(), seen: map[string]int64{}}
}

// look shows what is new.
func (t *tailer) look(ctx context.Context) {
	if t == nil || t.off || t.w.r.cfg.Now().Before(t.w.r.tailAgain) {
		return
	}
	r := t.w.r
	short, cancel := context.WithTimeout(ctx, tailPatience)
	defer cancel()
	// Once: a tick later there is another chance, and the watch of the command must not wait for it.
	out, err := once(short, r, func(ctx context.Context) (*cloudwatchlogs.FilterLogEventsOutput, error) {
		return r.watcher.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(t.group),
			LogStreamNamePrefix: aws.String(t.w.sent.id + "/"), StartTime: aws.Int64(t.from), NextToken: t.next})
	})
	if err != nil {
		t.failed(ctx, err)
		return
	}
	t.show(out.Events)
	t.forget()
	if t.next = out.NextToken; t.next == nil {
		t.advance()
	}
}

// advance makes the next query begin where this one came to, less the overlap.
func (t *tailer) advance() { t.from = max(t.from, t.latest-overlap.Milliseconds()) }

// failed gives up where asking again would tell nothing. That there is no group is no failure: the first node that
// prints makes it.
func (t *tailer) failed(ctx context.Context, err error) {
	t.next = nil // a token may have gone stale
	t.advance()
	switch kind := classify(err); {
	case kind == broken && ctx.Err() == nil:
		t.w.r.tailAgain = t.w.r.cfg.Now().Add(tailRest)
		return
	case kind == throttled && ctx.Err() == nil:
		t.w.r.tailAgain = t.w.r.cfg.Now().Add(tailPatience) // others need the quota, for more than to be looked at
		return
	case ctx.Err() != nil, kind == expired, errorCode(err) == "ResourceNotFoundException":
		return
	}
	t.off = true
	failed := &callError{api: "logs:FilterLogEvents", principal: t.w.r.watcher.principal, err: err}
	t.w.event(Event{Kind: EventWarning, Message: "what the scripts print is not shown while they run: " + failed.Error()})
}

// show tells the lines that were not shown yet.
func (t *tailer) show(events []types.FilteredLogEvent) {
	for _, e := range events {
		at, id := aws.ToInt64(e.Timestamp), aws.ToString(e.EventId)
		if _, shown := t.seen[id]; shown {
			continue
		}
		t.seen[id], t.latest = at, max(t.latest, at)
		instance, ours := t.instanceOf(aws.ToString(e.LogStreamName))
		if text := strings.TrimRight(aws.ToString(e.Message), "\r\n"); ours && text != "" {
			t.w.event(Event{Kind: EventOutput, Instance: instance, Message: text})
		}
	}
}

// instanceOf is the node that writes a stream, <command>/<node>/<script>/stdout. The stderr of slipway's own documents is
// its report, which comes with the result.
func (t *tailer) instanceOf(stream string) (string, bool) {
	parts := strings.Split(stream, "/")
	if len(parts) < 4 || parts[0] != t.w.sent.id {
		return "", false
	}
	return parts[1], t.w.step.Own == nil || parts[len(parts)-1] == "stdout"
}

// forget drops lines that no look will bring again: the pages of one come in the order of their times.
func (t *tailer) forget() {
	for id, at := range t.seen {
		if at < t.latest-overlap.Milliseconds() {
			delete(t.seen, id)
		}
	}
}
