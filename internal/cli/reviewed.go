package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/ship"
	"github.com/slipway-cd/slipway/internal/ui"
)

// reviewFlags tie a deploy to files: what was reviewed before it, and what became of it.
type reviewFlags struct {
	Reviewed   string `name:"plan" placeholder:"FILE" help:"Ship only what was reviewed: refuse where the plan is not the one in FILE, of slipway plan -o json."`
	ResultFile string `name:"result" placeholder:"FILE" help:"Write the verdict, and the result of each stage, to FILE as JSON, also where nothing was sent."`

	results    []*ship.Result
	notStarted []string
}

// maxPlanFile is more than any plan has: 50 stages of 50 steps with scripts.
const maxPlanFile = 256 << 20

// same refuses a plan that is not the reviewed one. A plan is a value: it is computed anew, and compared. It also finds,
// before anything is sent, that the result could not be written.
func (f *reviewFlags) same(l *loaded) error {
	if err := f.writable(); err != nil {
		return err
	}
	if f.Reviewed == "" {
		return nil
	}
	info, err := os.Stat(f.Reviewed)
	if err == nil && info.Size() > maxPlanFile {
		err = fmt.Errorf("%s: larger than %d bytes: not a plan", f.Reviewed, maxPlanFile)
	}
	if err != nil {
		return usage(fmt.Errorf("--plan: %w", err), "slipway plan -o json >FILE writes one")
	}
	content, err := os.ReadFile(f.Reviewed)
	if err != nil {
		return usage(fmt.Errorf("--plan: %w", err), "")
	}
	var reviewed plan.Plan
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&reviewed); err != nil || len(reviewed.Stages) == 0 {
		return usage(fmt.Errorf("--plan: %s is not what slipway plan -o json writes: %w", f.Reviewed, errors.Join(err, noStages(reviewed))),
			"write it anew with this version of slipway, and review that")
	}
	if l.flags.Stage != "" && len(reviewed.Stages) > 1 {
		only, err := reviewed.Only(l.flags.Stage)
		if err != nil {
			return usage(fmt.Errorf("--plan: %w", err), "")
		}
		reviewed = *only
	}
	return differs(l.plan, &reviewed, f.Reviewed)
}

// writable tries the folder of the result's file.
func (f *reviewFlags) writable() error {
	if f.ResultFile == "" {
		return nil
	}
	probe, err := os.CreateTemp(filepath.Dir(f.ResultFile), ".slipway-result-")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		f.ResultFile = ""
		return usage(fmt.Errorf("--result: %w", err), "name a file in a folder that is there")
	}
	return nil
}

func noStages(p plan.Plan) error {
	if len(p.Stages) == 0 {
		return errors.New("it has no stages")
	}
	return nil
}

// differs refuses, and says what changed.
func differs(p, reviewed *plan.Plan, file string) error {
	changes, err := p.Changes(reviewed)
	if err != nil || len(changes) == 0 {
		return err
	}
	const most = 20
	more := ""
	if len(changes) > most {
		more = fmt.Sprintf("\n  … and %d more", len(changes)-most)
		changes = changes[:most]
	}
	return &failure{
		code: exitRefused, err: fmt.Errorf("refused: the plan is not the one in %s; nothing was sent\n  %s%s", file, strings.Join(changes, "\n  "), more),
		hint: "slipway plan shows what would be shipped now; review that, or give the same --set",
	}
}

// keep notes a stage's result for the file.
func (f *reviewFlags) keep(r *ship.Result) { f.results = append(f.results, ui.Redacted(r)) }

// outcomes is the file that --result writes.
type outcomes struct {
	// Exit is the exit code, which is the verdict on all stages together.
	Exit  int    `json:"exit"`
	Error string `json:"error,omitempty"`
	// Stages that were shipped to, in their order.
	Stages []*ship.Result `json:"stages"`
	// NotStarted are the stages that were not come to, because one before them did not succeed.
	NotStarted []string `json:"notStarted,omitempty"`
}

// written writes the file when the deploy has ended, however it did, and gives its error on.
func (f *reviewFlags) written(err error) error {
	if f.ResultFile == "" {
		return err
	}
	o := outcomes{Stages: append([]*ship.Result{}, f.results...), NotStarted: f.notStarted}
	if err != nil {
		o.Exit = exitFailed
		var coded interface{ ExitCode() int }
		if errors.As(err, &coded) {
			o.Exit = coded.ExitCode()
		}
		var done outcome
		if !errors.As(err, &done) {
			o.Error = release.RedactOutput(err.Error())
		}
	}
	if writing := writeWhole(f.ResultFile, o); writing != nil {
		return &failure{code: max(o.Exit, exitFailed), err: errors.Join(err, fmt.Errorf("--result: %w", writing))}
	}
	return err
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(name string, value any) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".slipway-result-")
	if err != nil {
		return err
	}
	err = errors.Join(writeJSON(temporary, value), temporary.Chmod(0o644), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
	}
	return err
}
