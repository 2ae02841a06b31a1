package ship

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
)

// A role as small as D0's full policy may read each node with GetCommandInvocation and list nothing. Where the nodes
// are known by name that is enough for a resume to tell the truth: they are asked one by one. A deploy ends at the
// first denial: its role was to be proved.

// states reads what all nodes say now: by one list, or node by node where the role may not list.
func (w *watch) states(ctx context.Context) ([]types.CommandInvocation, error) {
	if !w.oneByOne {
		invocations, err := w.r.invocations(ctx, w.sent.id)
		for _, inv := range invocations {
			if err := w.checkOurs(inv.Comment, inv.DocumentName); err != nil {
				return nil, err
			}
		}
		if err == nil || !w.canAskOneByOne(err) {
			return invocations, err
		}
		w.oneByOne = true
		w.event(Event{Kind: EventWarning, Message: "asking each node by GetCommandInvocation instead: " + err.Error()})
	}
	var invocations []types.CommandInvocation
	for _, id := range w.wanted {
		out, err := call(ctx, w.r, w.r.watcher, "ssm:GetCommandInvocation", nil, func(ctx context.Context) (*ssm.GetCommandInvocationOutput, error) {
			return w.r.watcher.ssm.GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{CommandId: aws.String(w.sent.id), InstanceId: aws.String(id)})
		})
		if err != nil && notThere(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := w.checkOurs(out.Comment, out.DocumentName); err != nil {
			return nil, err
		}
		if err := w.checkScript(out); err != nil {
			return nil, err
		}
		invocations = append(invocations, types.CommandInvocation{InstanceId: aws.String(id), Status: types.CommandInvocationStatus(out.Status), StatusDetails: out.StatusDetails})
	}
	return invocations, nil
}

// checkOurs makes sure, of a command that could not be looked up, that it is this stage's and this step's.
func (w *watch) checkOurs(text, document *string) error {
	if !w.guessed {
		return nil
	}
	if !w.r.ofStage(aws.ToString(text)) {
		w.foreign = &foreignError{id: w.sent.id, stage: w.r.stage.Name, comment: aws.ToString(text), document: aws.ToString(document)}
		return w.foreign
	}
	if w.r.stepOf(aws.ToString(text)) != w.step || !sameDocument(documentName(w.step), aws.ToString(document)) {
		return fmt.Errorf("command %s is of step %s with document %s, which the plan has no more: without ssm:ListCommands and "+
			"ssm:ListCommandInvocations its scripts cannot be told", w.sent.id, w.r.stepName(aws.ToString(text)), aws.ToString(document))
	}
	return nil
}

// checkScript makes sure that a success is that of the whole document: one that had several scripts when it was sent
// would not answer for the plan's only one.
func (w *watch) checkScript(out *ssm.GetCommandInvocationOutput) error {
	script := w.step.ScriptSteps[0]
	if judge(string(out.Status), aws.ToString(out.StatusDetails)).Verdict != Succeeded || strings.EqualFold(aws.ToString(out.PluginName), script) {
		return nil
	}
	return fmt.Errorf("command %s answers for script %q and not for %q: without ssm:ListCommandInvocations its scripts cannot be told",
		w.sent.id, aws.ToString(out.PluginName), script)
}

// canAskOneByOne: this is a resume, the list is denied, the nodes are named, and the document has one step. Of a document with several,
// GetCommandInvocation tells a step's status and not the node's.
func (w *watch) canAskOneByOne(err error) bool {
	return !w.cancels && isDenied(err) && len(w.r.stage.Targets.Instances) > 0 && len(w.step.ScriptSteps) == 1
}

// isDenied says whether an API call failed for want of permission.
func isDenied(err error) bool {
	var failed *callError
	return errors.As(err, &failed) && classify(failed.err) == denied
}

// allAsked ends a watch whose nodes were asked one by one: there is no list to compare them with, and none of them is
// missing.
func (w *watch) allAsked() *StepResult {
	if len(w.nodes) < len(w.wanted) {
		return nil
	}
	return w.result("", "")
}

// guessCommand stands in for a command that the role may not look up: of a stage that names its nodes and has one
// step, it can only be that step's. nil when it cannot be told.
func (r *runner) guessCommand(err error) (*plan.Step, sent) {
	if !isDenied(err) || len(r.stage.Targets.Instances) == 0 || len(r.stage.Steps) != 1 || len(r.stage.Steps[0].ScriptSteps) != 1 {
		return nil, sent{}
	}
	r.nodes = r.stage.Targets.Instances
	return &r.stage.Steps[0], sent{at: r.cfg.Now().Add(-time.Second)}
}
