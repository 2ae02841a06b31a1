package ssm

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

const (
	defaultDelivery    = 3600
	defaultConcurrency = 50
)

type sendOutput struct{ Command commandOutput }

// sendAccess demands the document and, for InstanceIds, every instance with its tags. For Targets AWS answers
// first and authorises each node later: see chooseNodes.
func (s *Service) sendAccess(ctx context.Context, c *gateway.Call, in *sendInput) ([]gateway.Access, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	d, err := find(ctx, s.db, c, in.DocumentName, selector{version: in.DocumentVersion})
	if err != nil && !isFault(err) {
		return nil, err
	}
	in.document, in.missing = d, err // who may not send it is not told whether it is there
	// uncertain: OutputS3BucketName may add the bucket to what is authorised. What nobody can grant for sure is not demanded.
	need := []gateway.Access{{Resource: refARN(c, in.DocumentName), Context: tagKeys(tagMap(d.tags))}}
	if in.named, err = s.findNamed(ctx, c, in.InstanceIds); err != nil {
		return nil, err
	}
	for _, n := range in.named {
		need = append(need, nodeAccess(c, n.id, n.tags))
	}
	if in.alarm() != "" {
		need = append(need, linkedRoleAccess(c))
	}
	if in.ServiceRoleArn != "" {
		need = append(need, gateway.Access{Action: "iam:PassRole", Resource: in.ServiceRoleArn,
			Context: map[string][]string{"iam:PassedToService": {"ssm.amazonaws.com"}}})
	}
	return need, nil
}

// sendCommand accepts a command and hands out its first messages.
func (s *Service) sendCommand(ctx context.Context, c *gateway.Call, in *sendInput) (*sendOutput, error) {
	if err := s.checkRole(ctx, c, in.ServiceRoleArn); err != nil {
		return nil, err
	}
	if err := cmp.Or(in.missing, s.checkSendable(in)); err != nil {
		return nil, err
	}
	d := in.document
	doc, err := d.parse()
	if err != nil {
		return nil, err
	}
	parameters, err := doc.bind(in.Parameters)
	if err != nil {
		return nil, err
	}
	if err := s.checkStoreReferences(ctx, c, storeReferences(in.Parameters)); err != nil {
		return nil, err
	}
	nodes, err := s.chooseNodes(ctx, c, in, doc)
	if err != nil {
		return nil, err
	}
	cmd, err := s.newCommand(c, in, d, doc, len(nodes))
	if err != nil {
		return nil, err
	}
	if cmd.triggered, err = s.alarmed(ctx, cmd); err != nil {
		return nil, err
	}
	if cmd.payload, err = buildPayload(cmd, doc, parameters); err != nil {
		return nil, err
	}
	if err := s.update(ctx, func(w *work) error { return w.start(ctx, cmd, nodes, s.quotas) }); err != nil {
		return nil, err
	}
	out := commandShape(cmd)
	// The answer is given before anything happens: nothing is counted yet, and targets are not resolved.
	out.Status, out.StatusDetails, out.CompletedCount, out.ErrorCount = "Pending", "Pending", 0, 0
	if len(in.Targets) > 0 {
		out.TargetCount = 0
	}
	return &sendOutput{out}, nil
}

// start writes a command and hands out its first messages. One that goes over a quota has ended before it reached a node.
func (w *work) start(ctx context.Context, cmd *command, nodes []chosen, q Quotas) error {
	over, err := w.overQuota(ctx, cmd, q)
	if err != nil {
		return err
	}
	if over != "" {
		cmd.status, cmd.details = "Failed", over // uncertain: the Status that it is shown under
		return w.insertCommand(ctx, cmd)
	}
	w.settle(cmd, nodes)
	if err := w.insertCommand(ctx, cmd); err != nil {
		return err
	}
	if err := w.insertInvocations(ctx, cmd, nodes); err != nil || cmd.triggered == "" {
		return err
	}
	return w.advance(ctx, cmd)
}

// overQuota says which quota a command exceeds: its StatusDetails.
func (w *work) overQuota(ctx context.Context, cmd *command, q Quotas) (details string, err error) {
	if q.Targets > 0 && cmd.targets > q.Targets {
		return "LimitExceeded", nil // uncertain: which limit; the model only names the status
	}
	if q.Pending == 0 {
		return "", nil
	}
	var pending int
	err = w.QueryRowContext(ctx, `SELECT count(*) FROM ssm_invocation WHERE account = ? AND region = ? AND phase < ?`,
		cmd.account, cmd.region, phaseDone).Scan(&pending)
	if err == nil && pending+cmd.targets > q.Pending {
		return "RateExceeded", nil
	}
	return "", err
}

// checkSendable refuses documents that Run Command does not run, and those that are not what the caller expects.
func (s *Service) checkSendable(in *sendInput) error {
	d := in.document
	if d.kind != typeCommand {
		return fault("InvalidDocument", "Document %s is of type %s; only documents of type Command can be sent.", d.ref, d.kind)
	}
	if status := s.documentStatus(d); status != "Active" {
		return fault("InvalidDocument", "Document %s isn't active: its status is %s.", d.ref, status)
	}
	return checkHash(d, in)
}

// roleARN is an ARN of a role; its account is the submatch.
var roleARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/[!-~]+$`)

// checkRole wants a role of the caller's own account that trusts Systems Manager.
func (s *Service) checkRole(ctx context.Context, c *gateway.Call, arn string) error {
	if arn == "" {
		return nil
	}
	ok := false
	if m := roleARN.FindStringSubmatch(arn); m != nil && m[1] == c.Caller.Account && s.roles != nil {
		var err error
		if ok, err = s.roles.Trusts(ctx, arn, "ssm.amazonaws.com"); err != nil {
			return err
		}
	}
	if !ok {
		return fault("InvalidRole", "The role %s doesn't exist in account %s, or its trust policy doesn't allow ssm.amazonaws.com.", arn, c.Caller.Account)
	}
	return nil
}

// checkHash compares the hash that the caller expects with the document's.
func checkHash(d stored, in *sendInput) error {
	if in.DocumentHash == "" {
		return nil
	}
	if in.DocumentHashType == "Sha1" {
		return fault("InvalidDocument", "Sha1 hashes have been deprecated.")
	}
	if !strings.EqualFold(in.DocumentHash, d.hash) {
		return fault("InvalidDocument", "The document hash doesn't match the content of document %s version %d.", d.name, d.version)
	}
	return nil
}

// newCommand makes the command that a request asks for.
func (s *Service) newCommand(c *gateway.Call, in *sendInput, d stored, doc *document, targets int) (*command, error) {
	id, err := s.newUUID()
	if err != nil {
		return nil, err
	}
	seconds := defaultDelivery
	if in.TimeoutSeconds != nil {
		seconds = *in.TimeoutSeconds
	}
	request := *in
	request.DocumentName = d.ref
	request.TimeoutSeconds = &seconds
	request.MaxConcurrency = cmp.Or(in.MaxConcurrency, strconv.Itoa(defaultConcurrency))
	request.MaxErrors = cmp.Or(in.MaxErrors, "0")
	if in.DocumentVersion == "" {
		request.DocumentVersion = "$DEFAULT"
	}
	if cw := in.CloudWatchOutputConfig; cw != nil && cw.CloudWatchOutputEnabled && cw.CloudWatchLogGroupName == "" {
		// uncertain: the default for a shared document; its ARN could not be a log group's name.
		request.CloudWatchOutputConfig = &cloudWatchConfig{"/aws/ssm/" + d.name, true}
	}
	l := limits{
		Concurrency: max(1, share(request.MaxConcurrency, targets)),
		Errors:      share(request.MaxErrors, targets),
		// uncertain: whether the documented slow start also applies without an explicit MaxConcurrency.
		SlowStart: in.MaxConcurrency != "",
		Delivery:  time.Duration(seconds) * time.Second,
		Execution: doc.executionTimeout(in.Parameters),
	}
	for _, st := range doc.steps {
		l.Steps, l.Folders = append(l.Steps, st.name), append(l.Folders, st.folder)
	}
	now := s.now()
	return &command{id: id, account: c.Caller.Account, region: c.Region, requested: now,
		expires: now.Add(l.Delivery + l.Execution), document: d.ref, status: "Pending", details: "Pending",
		targets: targets, request: request, limits: l}, nil
}

// buildPayload makes the message that every node of the command gets. The agent substitutes the parameters.
func buildPayload(cmd *command, doc *document, parameters map[string]any) (string, error) {
	p := payload{CommandID: cmd.id, DocumentName: cmd.document, DocumentContent: doc.text, Parameters: parameters,
		OutputS3BucketName: cmd.request.OutputS3BucketName, OutputS3KeyPrefix: cmd.request.OutputS3KeyPrefix,
		CloudWatchOutputEnabled: "false"}
	if cw := cmd.request.CloudWatchOutputConfig; cw != nil && cw.CloudWatchOutputEnabled {
		p.CloudWatchLogGroupName, p.CloudWatchOutputEnabled = cw.CloudWatchLogGroupName, "true"
	}
	values, err := json.Marshal(parameters)
	if err != nil {
		return "", fmt.Errorf("encode parameters: %w", err)
	}
	if len(doc.text)+len(values) > maxDocumentSize {
		return "", fault("MaxDocumentSizeExceeded", "The size of the document with its parameters exceeds the maximum of 64 KB.")
	}
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode payload: %w", err)
	}
	return string(text), nil
}
