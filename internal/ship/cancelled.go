package ship

import (
	"context"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
)

// askToStop writes into a deploy that nothing more of it is to begin, by whom and why. The first who asks is kept.
func (r *runner) askToStop(d *record.Deploy, why string) {
	if !d.CancelRequested.IsZero() {
		return
	}
	d.CancelRequested, d.CancelReason = r.cfg.Now().UTC().Truncate(time.Second), why
	if o := (record.Owner{Actor: r.cfg.About.Actor, Host: r.cfg.About.Host}); o.Actor != "" || o.Host != "" {
		d.CancelledBy = o.String()
	}
}

// cancelWords says that a deploy was cancelled, by whom and why.
func cancelWords(d *record.Deploy) string {
	text := "the deploy was cancelled"
	if d.CancelledBy != "" {
		text += " by " + d.CancelledBy
	}
	text += " at " + d.CancelRequested.Format("2006-01-02 15:04:05 UTC")
	if d.CancelReason != "" {
		text += ": " + d.CancelReason
	}
	return text
}

// cancelledAs is the refusal to go on with a deploy that is to begin nothing more; nil of any other.
func cancelledAs(d *record.Deploy) error {
	if d == nil || d.CancelRequested.IsZero() {
		return nil
	}
	return &refusal{problem: Problem{Code: CodeCancelled, Message: cancelWords(d)}}
}

// rememberTime is how long the record may take to hear of an interrupt: the commands that are out wait for it.
const rememberTime = 3 * time.Second

// rememberStop writes at once into the record that the deploy was told to stop: a second signal may end the program before
// its end is written, and whoever takes the deploy up then must not ship what was stopped. It is tried once; what was
// not written now is written with the deploy's end.
func (r *runner) rememberStop(ctx context.Context) {
	l := r.ledger
	if l == nil || !l.opened || l.lost || r.reportOnly || !l.deploy.CancelRequested.IsZero() {
		return
	}
	_, why := halted(ctx)
	r.askToStop(l.deploy, why)
	ctx, stop := context.WithTimeout(context.WithValue(outlive(ctx), oneTry{}, true), min(rememberTime, r.t.PerCall))
	defer stop()
	if err := l.save(ctx); err != nil {
		r.event(Event{Kind: EventWarning, Message: "that the deploy was stopped could not be written down yet: " + err.Error()})
	}
}

// cancelledElsewhere stops a step of a deploy that somebody cancelled: that its commands were cancelled, too, is no
// failure of the release. What was faster than the cancel is what it is.
func (d *drive) cancelledElsewhere() {
	l := d.r.ledger
	if l == nil || l.lost || d.why != "" || d.r.res.Interrupted {
		return
	}
	if err := cancelledAs(l.deploy); err != nil && !d.complete() {
		d.halt(err)
	}
}

// complete tells that every node had its turn, with success.
func (d *drive) complete() bool {
	for _, s := range d.made() {
		if s.result == nil || s.result.Verdict != Succeeded {
			return false
		}
	}
	return d.next().kind == moveDone
}
