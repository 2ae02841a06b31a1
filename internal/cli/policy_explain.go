package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

type policyExplainCommand struct {
	outputFlag
	policyFiles
	Principal string   `placeholder:"ARN" help:"Who asks: a user, a role, a role session, an account's root user, a service, or * for anybody."`
	Action    string   `placeholder:"SERVICE:NAME" help:"What for."`
	Resource  string   `placeholder:"ARN" help:"On what. Without it: *, if AWS authorises the action on no resource; for all others an error that lists the ARNs they act on."`
	Account   string   `placeholder:"ID" help:"The account of the resource (default: the one in its ARN, or the principal's)."`
	Context   []string `sep:"none" placeholder:"KEY=VALUE" help:"A condition key of the request. Repeatable; the same key twice has both values."`
	Request   string   `placeholder:"FILE" help:"A line of slipway policy eval in place of all the others; - is standard input. Nothing is filled in."`
}

// policyFiles name the policies of every kind that apply to a request.
type policyFiles struct {
	Identity       []string `sep:"none" placeholder:"FILE" help:"An identity policy. Repeatable. Every policy may be JSON or YAML."`
	Boundary       string   `placeholder:"FILE" help:"The permissions boundary."`
	Session        []string `sep:"none" placeholder:"FILE" help:"A session policy. Repeatable."`
	ResourcePolicy string   `placeholder:"FILE" help:"The resource's own policy."`
	Trust          string   `placeholder:"FILE" help:"The trust policy of the role that the request assumes."`
	SCP            []string `name:"scp" sep:"none" placeholder:"FILE,..." help:"The service control policies of one level, the root's first. Repeatable."`
	RCP            []string `name:"rcp" sep:"none" placeholder:"FILE,..." help:"The resource control policies of one level, likewise; RCPFullAWSAccess is always there."`
	VPCE           string   `name:"vpce" placeholder:"FILE" help:"The policy of the VPC endpoint that the request passes."`
}

// Help shows examples under `slipway policy explain --help`.
func (policyExplainCommand) Help() string {
	return `Says whether a request is allowed, by which statements, and if not, what came closest and which statements would
allow it. Condition keys that AWS always sets and that follow from the flags are filled in; the output lists those
that some policy reads.

Exit codes: 0 allowed; 1 denied; 2 wrong usage, a wrong file, or the output could not be written.

Examples:
  slipway policy explain --identity deploy.json --principal arn:aws:iam::111122223333:role/Deploy --action ssm:GetCommandInvocation
  slipway policy explain --identity deploy.yaml --scp root.json --scp unit.json,account.json --principal arn:aws:iam::111122223333:role/Deploy \
    --action s3:PutObject --resource arn:aws:s3:::releases/v2.zip --context s3:x-amz-acl=private
  slipway policy explain --request line.json -o json | jq -r '.near[].detail'`
}

// Run explains one request.
func (c *policyExplainCommand) Run(ctx context.Context, process *Process) error {
	asked, err := c.ask(process.until(ctx))
	if err != nil {
		return wrongInput(err)
	}
	report, err := policy.Explain(asked)
	if err != nil {
		return usage(err, "")
	}
	if c.json() {
		err = writeJSON(process.Stdout, report)
	} else {
		_, err = io.WriteString(process.Stdout, report.Text())
	}
	if err != nil {
		return usage(fmt.Errorf("write the explanation: %w", err), "") // not 1, which says that the request is denied
	}
	if !report.Allowed() {
		return ended(exitFailed)
	}
	return nil
}

// ask puts together what the flags say. Every error is about what the user wrote.
func (c *policyExplainCommand) ask(process *Process) (*policy.Case, error) {
	if c.Request != "" {
		return c.askLine(process)
	}
	for _, f := range []struct{ name, value string }{{"--principal", c.Principal}, {"--action", c.Action}} {
		if f.value == "" {
			return nil, fmt.Errorf("%s is missing", f.name)
		}
	}
	q := policy.Question{
		Principal: c.Principal, Action: c.Action, Resource: c.Resource, Account: c.Account, Context: map[string][]string{},
	}
	for _, pair := range c.Context {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--context %s: want KEY=VALUE", pair)
		}
		q.Context[key] = append(q.Context[key], value)
	}
	set, err := c.load(process)
	if err != nil {
		return nil, err
	}
	return policy.Ask(q, set)
}

// askLine takes policies and request from a line of policy eval.
func (c *policyExplainCommand) askLine(process *Process) (*policy.Case, error) {
	others := policyExplainCommand{outputFlag: c.outputFlag, Request: c.Request}
	if !reflect.DeepEqual(*c, others) {
		return nil, errors.New("--request has policies and request: it goes with --output alone")
	}
	text, err := readInput(process, c.Request, maxRequestFile)
	if err != nil {
		return nil, err
	}
	set, request, err := policy.ReadLine(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Request, err)
	}
	return &policy.Case{Policies: set, Request: request, Line: true}, nil
}

// load reads and compiles all policies that the flags name.
func (f policyFiles) load(process *Process) (set iam.PolicySet, err error) {
	for _, one := range []struct {
		to   **iam.Policy
		file string
	}{{&set.Boundary, f.Boundary}, {&set.Resource, f.ResourcePolicy}, {&set.Trust, f.Trust}, {&set.Endpoint, f.VPCE}} {
		if one.file == "" {
			continue
		}
		if *one.to, err = readPolicy(process, one.file); err != nil {
			return set, err
		}
	}
	for _, list := range []struct {
		to    *[]*iam.Policy
		files []string
	}{{&set.Identity, f.Identity}, {&set.Session, f.Session}} {
		if *list.to, err = readPolicies(process, list.files); err != nil {
			return set, err
		}
	}
	for _, tree := range []struct {
		to     *[][]*iam.Policy
		levels []string
	}{{&set.SCPs, f.SCP}, {&set.RCPs, f.RCP}} {
		for _, files := range tree.levels {
			level, err := readPolicies(process, strings.Split(files, ","))
			if err != nil {
				return set, err
			}
			*tree.to = append(*tree.to, level)
		}
	}
	return set, nil
}
