package ship

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
)

const (
	// commentLimit is SendCommand's.
	commentLimit = 100
	// longestRunID is a UUID's length; longestScope leaves room for it, for a send's number, and for a step's hash.
	longestRunID = 36
	longestScope = 40
	// longestNumber is that of .9999.
	longestNumber = 5
)

// sendNumber ends a comment: which of the run's sends it was.
var sendNumber = regexp.MustCompile(`\.([0-9]{1,4})$`)

// comment marks a command as this send of this run: `slipway <app>/<stage>/<step> <run id>.<n>`. By it a lost send is
// found again, and the next deploy finds what came before. Names that are too long are cut, and a hash of the whole name makes up
// for what is missing: two steps never share a comment, nor two stages a prefix.
func comment(app, stage, step, id string) string {
	prefix := commentPrefix(app, stage)
	run := sendNumber.ReplaceAllString(id, "")
	// The room does not depend on the number: all sends of a step are called the same.
	return prefix + shortened(step, app+"/"+stage+"/"+step, commentLimit-len(prefix)-len(" ")-len(run)-longestNumber) + " " + id
}

// commentPrefix is what the comments of a stage's commands begin with, whichever run sent them.
func commentPrefix(app, stage string) string {
	name := app + "/" + stage
	return "slipway " + shortened(name, name, longestScope) + "/"
}

// shortened is name where there is room for it; otherwise its beginning and a hash of what it stands for.
func shortened(name, whole string, room int) string {
	if len(name) <= room {
		return name
	}
	sum := sha256.Sum256([]byte(whole))
	mark := "~" + hex.EncodeToString(sum[:4])
	return name[:max(room-len(mark), 0)] + mark
}

// idOf is the run that sent a command, and which of its sends it was.
func idOf(text string) string { return text[strings.LastIndexByte(text, ' ')+1:] }

// runOf is the run that sent a command.
func runOf(text string) string { return sendNumber.ReplaceAllString(idOf(text), "") }

// numberOf is which of a run's sends a command was; 0 when its comment does not say.
func numberOf(text string) int {
	m := sendNumber.FindStringSubmatch(idOf(text))
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0 // four digits always are a number
	}
	return n
}

// ofStage tells whether a comment is of a command of this stage.
func (r *runner) ofStage(text string) bool {
	return strings.HasPrefix(text, commentPrefix(r.plan.App, r.stage.Name))
}

// stepOf finds the plan's step that a comment of this stage names; nil for a step that the plan has no more.
func (r *runner) stepOf(text string) *plan.Step {
	for _, s := range r.commands() {
		if comment(r.plan.App, r.stage.Name, s.Name, idOf(text)) == text {
			return s
		}
	}
	return nil
}

// commands are the stage's steps, each followed by its validation where it has one.
func (r *runner) commands() []*plan.Step {
	var all []*plan.Step
	for i := range r.stage.Steps {
		s := &r.stage.Steps[i]
		if all = append(all, s); s.Check != nil {
			all = append(all, s.Check)
		}
	}
	return all
}

// stepName is the step's name in a comment of this stage, for people; it may be cut.
func (r *runner) stepName(text string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(text, commentPrefix(r.plan.App, r.stage.Name)), " ")
	return name
}

// stepFor is the step that the command was for, as the plan has it now. Of one that the plan has no more, or sends
// with another document, Run Command itself must tell the scripts and the limits.
func (r *runner) stepFor(c *types.Command) *plan.Step {
	text := aws.ToString(c.Comment)
	if s := r.stepOf(text); s != nil && sameDocument(documentName(s), aws.ToString(c.DocumentName)) {
		return s
	}
	return &plan.Step{Name: r.stepName(text), DocumentName: aws.ToString(c.DocumentName),
		DeliveryTimeout: int(aws.ToInt32(c.TimeoutSeconds)), MaxConcurrency: aws.ToString(c.MaxConcurrency)}
}

// sameDocument compares documents by name: a shared one may be sent by its ARN and listed by its name.
func sameDocument(a, b string) bool { return bareDocument(a) == bareDocument(b) }

func bareDocument(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name[strings.LastIndexByte(name, '/')+1:]
	}
	return name
}
