package ship

import (
	"fmt"
	"strings"
)

// judgement is what a status says.
type judgement struct {
	// Wait is true while the node is not done; the rest is empty then.
	Wait    bool
	Verdict Verdict
	// Ran is false when nothing ran on the node, so that there is no output to read.
	Ran bool
	Why string
}

// inFlight are the statuses of a node that is not done.
var inFlight = map[string]bool{"Pending": true, "InProgress": true, "Delayed": true, "Cancelling": true}

// detailVerdicts is the table of StatusDetails that end a node. Success is not in it: see judge.
var detailVerdicts = map[string]judgement{
	"Failed":            {Verdict: Failed, Ran: true, Why: "the script ended with an error"},
	"Cancelled":         {Verdict: Failed, Ran: true, Why: "cancelled before it was done"},
	"ExecutionTimedOut": {Verdict: Failed, Ran: true, Why: "the script ran longer than its timeout and was killed"},
	"DeliveryTimedOut": {Verdict: Unknown,
		Why: "the node did not answer within the delivery timeout: the command may or may not have run on it"},
	"Undeliverable": {Verdict: Failed,
		Why: "the command could not be delivered: the node is gone or does not answer; nothing ran on it"},
	"AccessDenied": {Verdict: Failed,
		Why: "the sender may not send this command to this node (a condition on its tags does not hold); nothing ran on it"},
	"InvalidPlatform": {Verdict: Failed,
		Why: "the document is not for this node's platform; nothing ran on it"},
	"Terminated": {Verdict: NotStarted,
		Why: "Run Command stopped before it reached this node, because too many others failed: still on the old version"},
}

// judge gives the verdict for one invocation. StatusDetails decides, Status helps; what is not in the table, and what
// contradicts itself where the answer would be success or patience, is unknown, with the raw text.
func judge(status, details string) judgement {
	s, d := normalise(status), normalise(details)
	if d == "" {
		return judgeStatus(s)
	}
	j, known := detailVerdicts[d]
	switch {
	case d == "Success" && (s == "Success" || s == ""):
		return judgement{Verdict: Succeeded, Ran: true}
	case d == "Success" && inFlight[s]:
		return judgement{Wait: true}
	case inFlight[d] && (inFlight[s] || s == ""):
		return judgement{Wait: true}
	case known && s != "Success":
		return j
	}
	return unheardOf(status, details)
}

// judgeStatus decides where there are no details. TimedOut alone does not say which of the two timeouts it was.
func judgeStatus(status string) judgement {
	switch {
	case status == "Success":
		return judgement{Verdict: Succeeded, Ran: true}
	case inFlight[status]:
		return judgement{Wait: true}
	case status == "Failed", status == "Cancelled":
		return detailVerdicts[status]
	}
	return unheardOf(status, "")
}

func unheardOf(status, details string) judgement {
	return judgement{Verdict: Unknown, Ran: true,
		Why: fmt.Sprintf("Run Command says Status %q with StatusDetails %q, which slipway does not know", status, details)}
}

// neverReached tells of a node that it is known that nothing ran on it, whether that is a failure or not.
func neverReached(n NodeResult) bool {
	j := judge(n.Status, n.StatusDetails)
	return n.Verdict == NotStarted || (n.Verdict == Failed && j.Verdict == Failed && !j.Ran)
}

// normalise writes a status as the API does: the documentation puts spaces in ("Delivery Timed Out") and some
// services spell Canceled with one l.
func normalise(status string) string {
	s := strings.Join(strings.Fields(status), "")
	switch s {
	case "Canceled":
		return "Cancelled"
	case "Canceling":
		return "Cancelling"
	}
	return s
}

// shown is a status as people want to read it: the details where there are any.
func shown(status, details string) string {
	if details != "" {
		return details
	}
	return status
}

// parentVerdicts explains commands that ended without any invocation. The parent never decides about a node; where
// there is none it is all that there is.
var parentVerdicts = map[string]string{
	"NoInstancesInTag":  "the target matched no node",
	"RateExceeded":      "more nodes than the account may have waiting invocations",
	"LimitExceeded":     "a limit of the account was exceeded",
	"Incomplete":        "Run Command could not reach every node",
	"AccessDenied":      "the sender may not send to these targets",
	"Undeliverable":     "the command could not be delivered to any node",
	"InvalidPlatform":   "the document is not for the targets' platform",
	"Terminated":        "Run Command ended the command before it reached a node",
	"Failed":            "Run Command gave up before it reached a node",
	"Cancelled":         "cancelled before it reached a node",
	"ExecutionTimedOut": "timed out before it reached a node",
}

// judgeParent decides about a command that has no invocations. Success there means only that nothing failed: with no
// node it is not success.
func judgeParent(status, details string, targets int) judgement {
	s, d := normalise(status), normalise(details)
	if inFlight[s] && (d == "" || inFlight[d]) {
		return judgement{Wait: true}
	}
	key := d
	if key == "" {
		key = s
	}
	if why, ok := parentVerdicts[key]; ok && targets == 0 {
		return judgement{Verdict: Failed, Why: why + " (" + key + "); nothing ran"}
	}
	if key == "NoInstancesInTag" || key == "RateExceeded" {
		return judgement{Verdict: Failed, Why: parentVerdicts[key] + " (" + key + "); nothing ran"}
	}
	if key == "Success" && targets == 0 {
		return judgement{Verdict: Failed, Why: "the command ended as Success without a single node: nothing ran"}
	}
	return judgement{Verdict: Unknown, Why: fmt.Sprintf("the command ended with Status %q, StatusDetails %q and %d target(s), "+
		"and no invocation of it can be read", status, details, targets)}
}
