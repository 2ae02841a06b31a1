package ship

import (
	"fmt"
	"strings"
	"time"
)

// watchStuck explains a status that lasts longer than it can (R100).
func (w *watch) watchStuck(node *NodeResult) {
	why := w.stuckWhy(node)
	if why == "" || w.stuck[node.InstanceID] {
		return
	}
	w.stuck[node.InstanceID] = true
	w.event(Event{Kind: EventWarning, Instance: node.InstanceID, Status: shown(node.Status, node.StatusDetails), Message: why})
}

func (w *watch) stuckWhy(node *NodeResult) string {
	lasted := w.r.cfg.Now().Sub(node.since)
	groups := time.Duration(waves(w.step.MaxConcurrency, max(w.targets, len(w.nodes))))
	delivery, execution := time.Duration(w.step.DeliveryTimeout)*time.Second, time.Duration(w.step.ExecutionTimeout)*time.Second
	switch normalise(shown(node.Status, node.StatusDetails)) {
	case "Pending", "Delayed":
		limit := delivery*groups + execution*(groups-1)
		if delivery > 0 && lasted > limit {
			return fmt.Sprintf("%s has been %s for %s, longer than the delivery timeout of %s allows: the agent is not running, "+
				"the node's role does not allow ec2messages, or there is no route to the endpoint",
				node.InstanceID, shown(node.Status, node.StatusDetails), lasted.Round(time.Second), delivery)
		}
	case "InProgress":
		if execution > 0 && lasted > execution {
			return fmt.Sprintf("%s has been InProgress for %s, longer than the execution timeout of %s allows: the agent has "+
				"stopped answering since it took the command", node.InstanceID, lasted.Round(time.Second), execution)
		}
	}
	return ""
}

// overdueError is a command that was not done when its time was over.
type overdueError struct{ message string }

func (e *overdueError) Error() string { return e.message }

// overdue is the end of all patience. It says what was waited for and why more time would not help (R14).
func (w *watch) overdue() error {
	waited := "it is not known whether more nodes are to come"
	if open := w.open(); len(open) > 0 {
		waited = listed(open)
	}
	api := "ssm:ListCommandInvocations"
	if w.oneByOne {
		api = "ssm:GetCommandInvocation"
	}
	reads := api + " was answered every time, so the role can read the status"
	if w.interrupted {
		return &overdueError{fmt.Sprintf("%s after the interrupt: %s; %s", w.r.t.Grace, waited, reads)}
	}
	sentAt := fmt.Sprintf("command %s was sent %s ago", w.sent.id, w.r.cfg.Now().Sub(w.sent.at).Round(time.Second))
	if w.guessed {
		sentAt = fmt.Sprintf("command %s was watched for %s", w.sent.id, w.r.cfg.Now().Sub(w.began).Round(time.Second))
	}
	return &overdueError{fmt.Sprintf("%s%s: %s; %s", sentAt, w.limits(), waited, reads)}
}

// limits names the command's own limits, as far as they are known.
func (w *watch) limits() string {
	var limits []string
	for _, l := range []struct {
		seconds int
		what    string
	}{{w.step.DeliveryTimeout, "delivery"}, {w.step.ExecutionTimeout, "execution"}} {
		if l.seconds > 0 {
			limits = append(limits, fmt.Sprintf("%ds for %s", l.seconds, l.what))
		}
	}
	switch {
	case !w.expires.IsZero() && w.step.ExecutionTimeout == 0:
		return "; Run Command was to give it up at " + w.expires.UTC().Format("2006-01-02 15:04:05 UTC")
	case w.step.ExecutionTimeout == 0:
		return ""
	}
	return "; its own limits are " + strings.Join(limits, " and ") + ", so Run Command should have ended it"
}

// open says of every node without a verdict what was last read of it.
func (w *watch) open() []string {
	var open []string
	for _, id := range w.ids() {
		node := w.nodes[id]
		if node.Verdict != "" {
			continue
		}
		last := fmt.Sprintf("%s was %s, for %s", id, shown(node.Status, node.StatusDetails), w.r.cfg.Now().Sub(node.since).Round(time.Second))
		if why := w.stuckWhy(node); why != "" {
			last = why
		}
		open = append(open, last)
	}
	for _, id := range w.wanted {
		if w.nodes[id] == nil {
			open = append(open, id+": no invocation could be read")
		}
	}
	return open
}
