package ship

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// fleet is an AWS whose nodes take commands for themselves: each send is a command of its own, done after a while.
type fleet struct {
	*fake
	commands []*order
	// becomes says what a command does on a node in the end; nil, or an empty answer, is success.
	becomes func(c *order, node string) string
	takes   time.Duration
	alarm   map[int]string // by the number of the command, from 1
	// gone are nodes that EC2 does not have any more.
	gone []string
	// most is how many nodes had a command at once, at the most.
	most int
}

// order is one command of the fleet.
type order struct {
	number       int
	id, comment  string
	document     string
	nodes        []string
	at           time.Time
	cancelled    time.Time
	maxErrors    any
	alarmRequest any
}

func newFleet(f *fake) *fleet {
	w := &fleet{fake: f, takes: 10 * time.Second, alarm: map[int]string{}}
	f.on["SendCommand"] = func(_ int, in map[string]any) (reply, bool) {
		for _, id := range w.gone {
			if ids, ok := in["InstanceIds"].([]any); ok && slices.Contains(ids, any(id)) {
				return fails("InvalidInstanceId"), true
			}
		}
		return w.send(in), true
	}
	f.on["ListCommandInvocations"] = func(_ int, in map[string]any) (reply, bool) {
		c := w.order(in["CommandId"])
		if c == nil {
			return reply{}, false
		}
		return w.list(c, in), true
	}
	f.on["GetCommandInvocation"] = func(_ int, in map[string]any) (reply, bool) {
		c := w.order(in["CommandId"])
		if c == nil {
			return reply{}, false
		}
		status := w.status(c, in["InstanceId"].(string))
		code := 0
		if judge(statusFor(status), detailsOf(status)).Verdict != Succeeded {
			code = 1
		}
		return reply{body: map[string]any{"Status": statusFor(status), "StatusDetails": detailsOf(status), "ResponseCode": code, "StandardOutputContent": "out"}}, true
	}
	f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) { return w.listOrders(in), true }
	f.on["CancelCommand"] = func(_ int, in map[string]any) (reply, bool) {
		w.order(in["CommandId"]).cancelled = f.clock.now()
		return reply{}, true
	}
	return w
}

// statusFor is the Status that goes with StatusDetails; Status/StatusDetails stands for itself.
func statusFor(details string) string {
	if status, _, both := strings.Cut(details, "/"); both {
		return status
	}
	switch details {
	case "Undeliverable", "Terminated", "AccessDenied", "InvalidPlatform":
		return "Failed"
	case "DeliveryTimedOut", "ExecutionTimedOut":
		return "TimedOut"
	}
	return details
}

func detailsOf(text string) string { return text[strings.IndexByte(text, '/')+1:] }

func (w *fleet) send(in map[string]any) reply {
	c := &order{number: len(w.commands) + 1, comment: in["Comment"].(string), document: in["DocumentName"].(string), at: w.clock.now(),
		maxErrors: in["MaxErrors"], alarmRequest: in["AlarmConfiguration"]}
	c.id = fmt.Sprintf("00000000-0000-0000-0000-%012d", c.number)
	ids, _ := in["InstanceIds"].([]any)
	for _, id := range ids {
		c.nodes = append(c.nodes, id.(string))
	}
	if len(ids) == 0 {
		c.nodes = w.nodes
	}
	w.commands = append(w.commands, c)
	busy := map[string]bool{}
	for _, c := range w.commands {
		for _, id := range c.nodes {
			if w.status(c, id) == "InProgress" {
				busy[id] = true
			}
		}
	}
	w.most = max(w.most, len(busy))
	return reply{body: map[string]any{"Command": map[string]any{"CommandId": c.id, "TargetCount": len(c.nodes)}}}
}

func (w *fleet) order(id any) *order {
	for _, c := range w.commands {
		if c.id == id {
			return c
		}
	}
	return nil
}

// status is the StatusDetails of a node now.
func (w *fleet) status(c *order, node string) string {
	if now := w.clock.now(); now.Sub(c.at) < w.takes {
		if !c.cancelled.IsZero() {
			return "Cancelled"
		}
		return "InProgress"
	}
	if w.becomes != nil {
		if s := w.becomes(c, node); s != "" {
			return s
		}
	}
	return "Success"
}

func (w *fleet) list(c *order, in map[string]any) reply {
	from := 0
	if token, ok := in["NextToken"].(string); ok {
		_, _ = fmt.Sscan(token, &from)
	}
	to := min(from+pageSize, len(c.nodes))
	var list []map[string]any
	for _, id := range c.nodes[from:to] {
		s := w.status(c, id)
		list = append(list, map[string]any{"CommandId": c.id, "InstanceId": id, "Status": statusFor(s), "StatusDetails": detailsOf(s), "Comment": c.comment,
			"DocumentName": c.document})
		if in["Details"] == true && s != "InProgress" {
			list[len(list)-1]["CommandPlugins"] = []map[string]any{{"Name": "release", "Status": statusFor(s), "StatusDetails": s}}
		}
	}
	body := map[string]any{"CommandInvocations": list}
	if to < len(c.nodes) {
		body["NextToken"] = fmt.Sprint(to)
	}
	return reply{body: body}
}

func (w *fleet) listOrders(in map[string]any) reply {
	list := slices.Clone(w.earlier)
	for i := range w.commands {
		c := w.commands[len(w.commands)-1-i]
		if in["CommandId"] != nil && in["CommandId"] != c.id {
			continue
		}
		o := map[string]any{"CommandId": c.id, "Comment": c.comment, "DocumentName": c.document, "TargetCount": len(c.nodes), "Status": "InProgress",
			"RequestedDateTime": float64(c.at.Unix()), "InstanceIds": c.nodes}
		if !slices.ContainsFunc(c.nodes, func(id string) bool { return w.status(c, id) == "InProgress" }) {
			o["Status"] = "Success"
		}
		if a := w.alarm[c.number]; a != "" {
			o["TriggeredAlarms"] = []map[string]any{{"Name": a, "State": "ALARM"}}
		}
		list = append(list, o)
	}
	return reply{body: map[string]any{"Commands": list}}
}

// rolling makes the only step of the stage a rollout over all nodes by tags.
func rolling(o plan.Rollout) func(*Config) {
	return func(c *Config) {
		c.Plan.Stages[0].Targets = tagTargets(1)
		c.Plan.Stages[0].Steps[0].Rollout = o
	}
}

// checking adds a validation to the only step.
func checking(c *Config) {
	check := c.Plan.Stages[0].Steps[0]
	check.Name, check.Own, check.DocumentName, check.Rollout = "release-check", nil, "web-dev-release-check", plan.Rollout{}
	c.Plan.Stages[0].Steps[0].Check = &check
}

// orders are the fleet's commands as `batch nodes`, by their number.
func (w *fleet) orders() []string {
	var list []string
	for _, c := range w.commands {
		first, last := strings.TrimLeft(c.nodes[0], "i-0"), strings.TrimLeft(c.nodes[len(c.nodes)-1], "i-0")
		list = append(list, fmt.Sprintf("%s: %s-%s", idOf(c.comment), first, last))
	}
	return list
}
