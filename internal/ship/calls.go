package ship

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/record"
)

// api is AWS as one principal sees it.
type api struct {
	ssm   *ssm.Client
	sts   *sts.Client
	ec2   awsclient.EC2
	logs  *cloudwatchlogs.Client
	creds *aws.CredentialsCache
	// bucket is an S3 bucket of the stage's region.
	bucket func(name string) record.Bucket
	// principal is the caller's ARN, once GetCallerIdentity has told it.
	principal string
}

// newAPI makes clients whose own retries are off: SendCommand must not be repeated, and for the reads the loop in
// call counts what it bears and stays within its bounds.
func newAPI(cfg aws.Config, region string) *api {
	cfg = cfg.Copy()
	cfg.Region = region
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cache, ok := cfg.Credentials.(*aws.CredentialsCache)
	if !ok && cfg.Credentials != nil {
		cache = aws.NewCredentialsCache(cfg.Credentials)
		cfg.Credentials = cache
	}
	return &api{ssm: ssm.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg), creds: cache,
		ec2: awsclient.EC2{Config: cfg, Now: time.Now}, logs: cloudwatchlogs.NewFromConfig(cfg),
		bucket: func(name string) record.Bucket { return awsclient.NewBucket(cfg, region, name, "") }}
}

const (
	firstPause = 500 * time.Millisecond
	// readyWithin is how long calls before the first send bear a service that does not answer: nothing is lost by
	// refusing, and a wrong endpoint should be told soon.
	readyWithin = 15 * time.Second
)

// call makes one API call as a, repeated while that is safe and useful: throttling, 5xx, broken connections, and what
// again says is not there yet, for a bounded time; expired credentials once. It is for calls that may be repeated.
func call[T any](ctx context.Context, r *runner, a *api, name string, again func(error) bool, do func(context.Context) (T, error)) (T, error) {
	var zero T
	p := patience{r: r, since: r.cfg.Now(), api: name}
	refreshed := false
	for {
		if err := r.admit(ctx, name); err != nil {
			return zero, err
		}
		out, err := once(ctx, r, do)
		r.heard(name, err)
		if err == nil {
			return out, nil
		}
		if ctx.Err() != nil {
			return zero, ctx.Err()
		}
		fatal := &callError{api: name, principal: a.principal, err: err}
		kind := classify(err)
		switch {
		case kind == expired && !refreshed && a.creds != nil:
			a.creds.Invalidate()
			refreshed = true
			continue
		case kind == throttled, kind == broken, again != nil && again(err):
			if fatal.note = p.spent(err); fatal.note != "" {
				return zero, fatal
			}
		default:
			return zero, fatal
		}
		r.event(Event{Kind: EventNotYet, Message: fatal.Error()})
		if err := p.wait(ctx); err != nil {
			return zero, err
		}
	}
}

// once bounds one call in real time, so that a connection that hangs cannot hang a deploy.
func once[T any](ctx context.Context, r *runner, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, r.t.PerCall)
	defer cancel()
	return do(ctx)
}

// patience bounds how long one thing is waited for.
type patience struct {
	r     *runner
	since time.Time
	api   string // whose answers to other calls show that throttling gets on
	tries int
	pause time.Duration
}

// spent counts one failure and tells, when the patience is at its end, what was borne.
func (p *patience) spent(err error) string {
	p.tries++
	bound := p.r.t.NotYet
	if p.r.deadline.IsZero() {
		bound = min(bound, readyWithin)
	}
	now := p.r.cfg.Now()
	waited := now.Sub(p.since)
	if err != nil && classify(err) == throttled {
		// Throttling lasts as long as others are served: only an API that serves nobody is given up early.
		if served := p.r.limiter.lastAnswer(p.r.paceOf(p.api)); served.After(p.since) {
			waited = now.Sub(served)
		}
	}
	late := !p.r.deadline.IsZero() && !now.Before(p.r.deadline)
	if waited < bound && !late {
		return ""
	}
	return fmt.Sprintf("the last of %d tries in %s", p.tries, waited.Round(time.Second))
}

// wait pauses, each time twice as long, up to the longest tick.
func (p *patience) wait(ctx context.Context) error {
	p.pause = min(max(2*p.pause, firstPause), p.r.t.TickMax)
	return p.r.sleep(ctx, p.pause)
}

// refusal is a check that did not pass: nothing is sent.
type refusal struct {
	problem Problem
	cause   error // the call that was refused, where that is what it is about; may be nil
	// final: asking again later would tell nothing more.
	final bool
}

func (e *refusal) Error() string { return e.problem.Message }

func (e *refusal) Unwrap() error { return e.cause }

// refuse ends the deploy before anything was sent.
func (r *runner) refuse(ctx context.Context, err error) *Result {
	r.res.Verdict = Refused
	if ctx.Err() != nil {
		r.res.Interrupted = true
		r.res.Problem = &Problem{Code: CodeCancelled, Message: "interrupted before anything was sent"}
		return r.res
	}
	r.problem(err, "")
	return r.res
}

// problem records what ended the deploy, explained.
func (r *runner) problem(err error, commandID string) *Problem {
	p := r.explain(err)
	if p.CommandID == "" {
		p.CommandID = commandID
	}
	var no *refusal
	if errors.As(err, &no) && no.final {
		r.final = true
	} else if commandID != "" {
		p.Hint = r.resumeHint(p.Hint, commandID)
	}
	r.res.Problem = &p
	return &p
}

// cannotResume is why a command's outcome is lost for good.
const cannotResume = "this local AWS ends with the deploy (no --data): its outcome cannot be resumed"

// resumeCommand is the command line that tells later what became of a command; empty when none will.
func (r *runner) resumeCommand(id string) string {
	if r.ledger != nil && r.ledger.opened {
		id = "" // the record knows the command, and more
	}
	if r.cfg.ResumeCommand == nil {
		return strings.TrimSpace("slipway resume " + id)
	}
	return r.cfg.ResumeCommand(id)
}

// resumeOr is the resume of a command and what it does; otherwise, where that will not be possible.
func (r *runner) resumeOr(id, otherwise, does string) string {
	if command := r.resumeCommand(id); command != "" {
		return command + does
	}
	return otherwise
}

// resumeHint adds to a hint how the truth is found later.
func (r *runner) resumeHint(hint, id string) string {
	if hint == "" {
		return r.resumeOr(id, cannotResume, " tells the truth about it later, without sending again")
	}
	return hint + "; " + r.resumeOr(id, cannotResume, " then tells the truth, without sending again")
}

func (r *runner) explain(err error) Problem {
	var no *refusal
	if errors.As(err, &no) {
		return no.problem
	}
	var lost *lostError
	if errors.As(err, &lost) {
		return r.explainLost(lost)
	}
	var late *overdueError
	if errors.As(err, &late) {
		return Problem{Code: CodeTimeout, Message: late.Error()}
	}
	var failed *callError
	if !errors.As(err, &failed) {
		return Problem{Code: codeOf(err), Message: err.Error(), Hint: hintOfBucket(err)}
	}
	p := Problem{Code: codeOf(failed), API: innermostAPI(failed), Principal: failed.principal, Action: failed.api, Message: failed.Error()}
	if dialFailed(failed.err) {
		p.Hint = "nothing could be reached there: check --endpoint-url and AWS_ENDPOINT_URL, the region, and the network"
	}
	if classify(failed.err) == denied {
		r.explainDenial(&p, failed)
	}
	if strings.HasPrefix(failed.api, "s3:") {
		r.explainBucket(&p, failed)
	}
	return p
}

// explainLost says what is missing to find the send; the message stays that it was lost.
func (r *runner) explainLost(lost *lostError) Problem {
	p := Problem{API: "ssm:SendCommand", Principal: r.sender.principal}
	if lost.lookup != nil {
		p = r.explain(lost.lookup)
	}
	p.Code, p.Message = CodeLostAnswer, lost.Error()
	p.Hint = "look for the run id in the comments of Run Command's history, and at what runs on the nodes, before deploying again"
	return p
}

// innermostAPI is the call that really failed: fetching credentials makes calls of its own.
func innermostAPI(failed *callError) string {
	api := failed.api
	var op *smithy.OperationError
	for err := failed.err; errors.As(err, &op); err = op.Err {
		if op.ServiceID == "STS" {
			api = "sts:" + op.OperationName
		}
	}
	return api
}

// explainDenial fills in who lacks what. AWS's own words come first; where it names no resource, the plan does.
func (r *runner) explainDenial(p *Problem, failed *callError) {
	p.Denied = true
	text := failed.err.Error()
	if user := firstGroup(denialUser, text); user != "" {
		p.Principal = user
	}
	if action := firstGroup(denialAction, text); action != "" {
		p.Action = action
	} else {
		p.Action = p.API
	}
	if operation(p.Action) == "AssumeRoleWithWebIdentity" {
		// Nobody's policy allows this: the role itself says whom it trusts.
		p.Hint = "the role's trust policy must name this token's sub and aud; `slipway roles render` prints it, and the role must exist"
		return
	}
	planned := r.plannedResource(p.Action)
	p.Resource = firstGroup(denialResource, text)
	if p.Resource == "" {
		p.Resource = planned
	}
	// For an action without resource types AWS names arn:aws:ssm:REGION:ACCOUNT:*, which is no use in a policy.
	wanted := p.Resource
	if planned == "*" {
		wanted = "*"
	}
	p.Statement = r.statement(p.Principal, p.Action, wanted)
	p.Hint = "add the " + plural(p.Statement) + " to the policies of the principal"
}

// plural says whether a text holds one policy statement or several.
func plural(text string) string {
	if strings.Count(text, `"Effect"`) > 1 {
		return "statements"
	}
	return "statement"
}

// plannedResource is the resource that the plan lists for the action; "*" when it lists none.
func (r *runner) plannedResource(action string) string {
	for _, c := range r.stage.Calls {
		if c.Action == action && len(c.Resources) > 0 {
			return c.Resources[0].ARN
		}
	}
	return "*"
}

// readActions are the permissions that reading a result takes; all of them are granted on "*" only.
var readActions = []string{"ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:ListCommands"}

func (r *runner) statement(principal, action, resource string) string {
	if r.cfg.Explain != nil {
		if s := r.cfg.Explain(principal, action, resource); s != "" {
			return s
		}
	}
	for _, read := range readActions {
		if action == read {
			return statementFor("PollDeployStatus", readActions, "*")
		}
	}
	return statementFor("Slipway"+operation(action), []string{action}, resource)
}

// operation is the part of an action after the colon.
func operation(action string) string {
	for i := range action {
		if action[i] == ':' {
			return action[i+1:]
		}
	}
	return action
}
