package ship

import (
	"fmt"
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
	groups := time.Duration(waves(w.step.MaxConcurrency, len(w.nodes)))
	delivery, execution := time.Duration(w.step.DeliveryTimeout)*time.Second, time.Duration(w.step.ExecutionTimeout)*time.Second
	switch normalise(shown(node.Status, node.StatusDetails)) {
	case "Pending", "Delayed":
		limit := delivery*groups + execution*(groups-1)
		if lasted > limit {
			return fmt.Sprintf("%s has been %s for %s, longer than the delivery timeout of %s allows: the agent is not running, "+
				"the node's role does not allow ec2messages, or there is no route to the endpoint",
				node.InstanceID, shown(node.Status, node.StatusDetails), lasted.Round(time.Second), delivery)
		}
	case "InProgress":
		if lasted > execution {
			return fmt.Sprintf("%s has been InProgress for %s, longer than the execution timeout of %s allows: the agent has "+
				"stopped answering since it took the command", node.InstanceID, lasted.Round(time.Second), execution)
		}
	}
	return ""
}

// overdue is the end of all patience. It says what was waited for and why more time would not help (R14).
func (w *watch) overdue() error {
	now := w.r.cfg.Now()
	var open []string
	for _, id := range w.ids() {
		node := w.nodes[id]
		if node.Verdict != "" {
			continue
		}
		last := fmt.Sprintf("%s was %s, for %s", id, shown(node.Status, node.StatusDetails), now.Sub(node.since).Round(time.Second))
		if why := w.stuckWhy(node); why != "" {
			last = why
		}
		open = append(open, last)
	}
	reads := "ssm:ListCommandInvocations was answered every time, so the role can read the status"
	if w.interrupted {
		return fmt.Errorf("%s after the interrupt: %s; %s", w.r.t.Grace, listed(open), reads)
	}
	return fmt.Errorf("command %s was sent %s ago; its own limits are %ds for delivery and %ds for execution, so Run Command "+
		"should have ended it: %s; %s", w.sent.id, now.Sub(w.sent.at).Round(time.Second), w.step.DeliveryTimeout,
		w.step.ExecutionTimeout, listed(open), reads)
}
