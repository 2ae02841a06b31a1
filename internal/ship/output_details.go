package ship

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// fewNodes is how many nodes a command may have for the output of each of them to be read. Of a larger one it is that of
// the first, and of those that did not succeed; what the others ended with is in the list that is read anyway.
const fewNodes = 10

// The list of invocations has 2,500 characters of a script's output and errors, and says so in these words.
const (
	listErrors = "----------ERROR-------"
	listCut    = "---Output truncated---"
	listErrCut = "---Error truncated----"
)

// scriptsIn are the scripts of a node as the list of invocations tells them.
func scriptsIn(plugins []types.CommandPlugin) []ScriptStepResult {
	var steps []ScriptStepResult
	for _, p := range plugins {
		s := ScriptStepResult{Name: aws.ToString(p.Name), Status: string(p.Status), StatusDetails: aws.ToString(p.StatusDetails),
			ExitCode: int(p.ResponseCode), Stdout: aws.ToString(p.Output), began: p.ResponseStartDateTime != nil}
		if p.ResponseStartDateTime != nil && p.ResponseFinishDateTime != nil {
			s.Elapsed = max(p.ResponseFinishDateTime.Sub(*p.ResponseStartDateTime), 0)
		}
		if out, errs, found := strings.Cut(s.Stdout, "\n"+listErrors); found {
			s.Stdout, s.Stderr = out, strings.TrimLeft(errs, "\n")
		}
		s.cutInList()
		steps = append(steps, s)
	}
	return steps
}

// cutInList takes the list's own marks out of what a script printed. Of a report that was cut, what it repeats of the output
// is neither the end nor anything else that is not in stdout.
func (s *ScriptStepResult) cutInList() {
	var out, errs bool
	s.Stdout, out = strings.CutSuffix(s.Stdout, "\n"+listCut)
	s.Stderr, errs = strings.CutSuffix(s.Stderr, "\n"+listErrCut)
	if m := reportTail.FindStringIndex(s.Stderr); errs && m != nil {
		s.Stderr = s.Stderr[:m[0]]
	}
	s.Truncated = out || errs
}

// fromList gives a node's scripts without a call of their own: of a node that succeeded, where the list has every script
// of the document and nobody has to see what it printed.
func (w *watch) fromList(node *NodeResult) ([]ScriptStepResult, bool) {
	if w.oneByOne || normalise(shown(node.Status, node.StatusDetails)) != "Success" || w.wantsOutput() {
		return nil, false
	}
	steps := scriptsIn(node.plugins)
	names := w.step.ScriptSteps
	if w.asksScripts {
		names = w.scripts
	}
	if len(names) == 0 || len(steps) != len(names) {
		return nil, false
	}
	for _, s := range steps {
		if !slices.Contains(names, s.Name) || judge(s.Status, s.StatusDetails).Wait {
			return nil, false
		}
	}
	return steps, true
}

// wantsOutput tells whether what a node that succeeded has printed is to be read.
func (w *watch) wantsOutput() bool {
	return max(w.targets, len(w.nodes), len(w.wanted)) <= fewNodes || !w.sampled
}

// before gives the scripts that a node which failed ran well before the one that failed, as the list has them: only that
// one's output is worth a call, and of few nodes that of those whose end the list has not.
func (w *watch) before(node *NodeResult, names []string) []ScriptStepResult {
	if w.oneByOne || len(names) < 2 {
		return nil
	}
	steps := scriptsIn(node.plugins)
	for i, s := range steps {
		if i >= len(names) || s.Name != names[i] {
			return nil
		}
		if normalise(shown(s.Status, s.StatusDetails)) != "Success" {
			return steps[:i]
		}
		if s.Truncated && w.wantsOutput() {
			return steps[:i] // it and those after it are read one by one
		}
	}
	return nil
}

// readScripts reads what the scripts of a node that is done said, from the list as far as that will do.
func (w *watch) readScripts(ctx context.Context, node *NodeResult) ([]ScriptStepResult, error) {
	steps, ok := w.fromList(node)
	if !ok {
		var err error
		if steps, err = w.read(ctx, node); err != nil {
			return steps, err
		}
		w.sampled = w.sampled || normalise(shown(node.Status, node.StatusDetails)) == "Success"
		w.completeAll(ctx, node, steps)
	}
	for i := range steps {
		steps[i].understand(w.step)
		if node.Code == "" {
			node.Code = steps[i].Code
		}
	}
	return steps, nil
}
