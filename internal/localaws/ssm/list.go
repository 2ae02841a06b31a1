package ssm

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// listInput is the request of ListCommands and of ListCommandInvocations.
type listInput struct {
	CommandId  string
	InstanceId string
	Filters    []keyValue
	MaxResults *int
	NextToken  string
	Details    bool
}

// The values of the Status filter, which are not those of Status.
var (
	commandStatuses = []string{"Pending", "InProgress", "Success", "Cancelled", "Failed", "TimedOut", "AccessDenied",
		"DeliveryTimedOut", "ExecutionTimedOut", "Incomplete", "NoInstancesInTag", "LimitExceeded"}
	invocationStatuses = []string{"Pending", "InProgress", "Delayed", "Success", "Cancelled", "Failed", "TimedOut",
		"AccessDenied", "DeliveryTimedOut", "ExecutionTimedOut", "Undeliverable", "InvalidPlatform", "Terminated"}
)

func (in *listInput) validate(statuses []string) error {
	v := &validation{}
	v.commandID("commandId", in.CommandId)
	v.matches("instanceId", in.InstanceId, instanceID)
	v.between("maxResults", in.MaxResults, 1, 50)
	if len(in.Filters) > 5 {
		v.add(strconv.Itoa(len(in.Filters))+" filters", "filters", "Member must have length less than or equal to 5")
	}
	for i, f := range in.Filters {
		path := "filters." + strconv.Itoa(i+1) + ".member."
		v.required(path+"key", f.Key)
		v.oneOf(path+"key", f.Key, "InvokedAfter", "InvokedBefore", "Status", "ExecutionStage", "DocumentName")
		v.required(path+"value", f.Value)
		v.length(path+"value", f.Value, 1, 128)
		switch f.Key {
		case "Status":
			v.oneOf(path+"value", f.Value, statuses...)
		case "ExecutionStage":
			v.oneOf(path+"value", f.Value, "Executing", "Complete")
		}
	}
	return v.err()
}

func listCommandsAccess(_ context.Context, _ *gateway.Call, in *listInput) ([]gateway.Access, error) {
	return []gateway.Access{{}}, in.validate(commandStatuses)
}

func listInvocationsAccess(_ context.Context, _ *gateway.Call, in *listInput) ([]gateway.Access, error) {
	if slices.ContainsFunc(in.Filters, func(f keyValue) bool { return f.Key == "ExecutionStage" }) {
		return nil, fault("InvalidFilterKey", "The specified key isn't valid: ExecutionStage is for ListCommands only.")
	}
	return []gateway.Access{{}}, in.validate(invocationStatuses)
}

// where builds the condition on commands (c) and on what carries the status (prefix c. or i.).
func (s *Service) where(c *gateway.Call, in *listInput, prefix string) (string, []any, error) {
	if in.CommandId != "" && !uuidForm.MatchString(in.CommandId) {
		return "", nil, badCommandID()
	}
	before, err := pageNumber(in.NextToken, 1<<62)
	if err != nil {
		return "", nil, err
	}
	conditions := []string{"c.account = ?", "c.region = ?", prefix + "seq < ?"}
	args := []any{c.Caller.Account, c.Region, before}
	add := func(condition string, values ...any) {
		conditions, args = append(conditions, condition), append(args, values...)
	}
	if s.delay > 0 {
		add("c.requested <= ?", nanos(s.now().Add(-s.delay)))
	}
	if in.CommandId != "" {
		add("c.id = ?", in.CommandId)
	}
	for _, f := range in.Filters {
		switch f.Key {
		case "InvokedAfter", "InvokedBefore":
			at, err := time.Parse(time.RFC3339, f.Value)
			if err != nil {
				return "", nil, invalid("The value " + f.Value + " of " + f.Key + " isn't a timestamp.")
			}
			add("c.requested "+map[string]string{"InvokedAfter": ">=", "InvokedBefore": "<"}[f.Key]+" ?", nanos(at))
		case "Status":
			add("("+prefix+"status = ? OR "+prefix+"details = ?)", f.Value, f.Value)
		case "DocumentName":
			add("c.document = ?", documentFilter(c, f.Value))
		case "ExecutionStage":
			add("(c.status IN ('Pending','InProgress','Cancelling')) = ?", f.Value == "Executing")
		}
	}
	return strings.Join(conditions, " AND "), args, nil
}

// documentFilter is a document as commands name it: its name, or the ARN when it is another account's.
func documentFilter(c *gateway.Call, ref string) string {
	if owner, name, ok := splitRef(c, ref); ok && (owner == c.Caller.Account || awsOwned(name)) {
		return name
	}
	return ref
}

type listCommandsOutput struct {
	Commands  []commandOutput
	NextToken string `json:",omitempty"`
}

// listCommands lists the newest command first.
func (s *Service) listCommands(ctx context.Context, c *gateway.Call, in *listInput) (*listCommandsOutput, error) {
	where, args, err := s.where(c, in, "c.")
	if err != nil {
		return nil, err
	}
	if in.InstanceId != "" {
		where += " AND EXISTS (SELECT 1 FROM ssm_invocation i WHERE i.command = c.seq AND i.instance = ?)"
		args = append(args, in.InstanceId)
	}
	limit := limitOr(in.MaxResults, 50)
	rows, err := s.db.QueryContext(ctx, `SELECT `+commandColumns+` FROM ssm_command c WHERE `+where+
		` ORDER BY c.seq DESC LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return nil, err
	}
	found, err := collect(rows, func(r *sql.Rows) (*command, error) { return scanCommand(r) })
	if err != nil {
		return nil, err
	}
	out := &listCommandsOutput{Commands: []commandOutput{}}
	for i, cmd := range found {
		if i == limit {
			out.NextToken = pageToken(strconv.FormatInt(found[i-1].seq, 10))
			break
		}
		out.Commands = append(out.Commands, commandShape(cmd))
	}
	return out, nil
}

type listInvocationsOutput struct {
	CommandInvocations []invocationOutput
	NextToken          string `json:",omitempty"`
}

// invocationOutput is a CommandInvocation on the wire.
type invocationOutput struct {
	CommandId         string
	InstanceId        string
	InstanceName      string
	Comment           string
	DocumentName      string
	DocumentVersion   string
	RequestedDateTime time.Time
	Status            string
	StatusDetails     string
	TraceOutput       string
	StandardOutputUrl string
	StandardErrorUrl  string
	CommandPlugins    []pluginOutput
	ServiceRole       string

	NotificationConfig     notificationConfig
	CloudWatchOutputConfig cloudWatchConfig
}

// pluginOutput is a CommandPlugin on the wire.
type pluginOutput struct {
	Name                   string
	Status                 string
	StatusDetails          string
	ResponseCode           int
	ResponseStartDateTime  time.Time `json:",omitzero"`
	ResponseFinishDateTime time.Time `json:",omitzero"`
	Output                 string
	StandardOutputUrl      string
	StandardErrorUrl       string
	OutputS3Region         string
	OutputS3BucketName     string
	OutputS3KeyPrefix      string
}

// listCommandInvocations lists the newest invocation first, with its steps when Details is set. An unknown command
// has none: an empty list, not an error.
func (s *Service) listCommandInvocations(ctx context.Context, c *gateway.Call, in *listInput) (*listInvocationsOutput, error) {
	where, args, err := s.where(c, in, "i.")
	if err != nil {
		return nil, err
	}
	if in.InstanceId != "" {
		where += " AND i.account = ? AND i.region = ? AND i.instance = ?"
		args = append(args, c.Caller.Account, c.Region, in.InstanceId)
	}
	limit := limitOr(in.MaxResults, 50)
	rows, err := s.db.QueryContext(ctx, `SELECT `+invocationColumns+`, c.id
		FROM ssm_command c JOIN ssm_invocation i ON i.command = c.seq WHERE `+where+
		` ORDER BY i.seq DESC LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return nil, err
	}
	type row struct {
		*invocation
		id string
	}
	found, err := collect(rows, func(r *sql.Rows) (row, error) {
		var one row
		var err error
		one.invocation, err = scanInvocation(r, &one.id)
		return one, err
	})
	if err != nil {
		return nil, err
	}
	out := &listInvocationsOutput{CommandInvocations: []invocationOutput{}}
	commands := map[int64]*command{}
	names, err := s.instanceNames(ctx, c)
	if err != nil {
		return nil, err
	}
	for i, r := range found {
		if i == limit {
			out.NextToken = pageToken(strconv.FormatInt(found[i-1].seq, 10))
			break
		}
		cmd := commands[r.command]
		if cmd == nil {
			if cmd, err = loadCommandSeq(ctx, s.db, r.command); err != nil {
				return nil, err
			}
			commands[r.command] = cmd
		}
		shape := invocationShape(cmd, r.invocation, in.Details)
		shape.InstanceName = names[r.instance]
		out.CommandInvocations = append(out.CommandInvocations, shape)
	}
	return out, nil
}

// instanceNames gives the Name tags of the caller's instances.
func (s *Service) instanceNames(ctx context.Context, c *gateway.Call) (map[string]string, error) {
	instances, err := s.instances.Instances(ctx, c.Caller.Account, c.Region)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(instances))
	for _, i := range instances {
		names[i.ID] = i.Tags["Name"]
	}
	return names, nil
}

func invocationShape(cmd *command, inv *invocation, details bool) invocationOutput {
	out := invocationOutput{CommandId: cmd.id, InstanceId: inv.instance, Comment: cmd.request.Comment,
		DocumentName: cmd.document, DocumentVersion: cmd.request.DocumentVersion,
		RequestedDateTime: cmd.requested, Status: inv.status, StatusDetails: inv.details,
		TraceOutput: inv.trace, CommandPlugins: []pluginOutput{}, ServiceRole: cmd.request.ServiceRoleArn}
	out.NotificationConfig, out.CloudWatchOutputConfig = cmd.request.configs()
	if len(cmd.limits.Steps) == 1 {
		name := cmd.limits.Steps[0]
		r := inv.plugins[name]
		out.StandardOutputUrl, out.StandardErrorUrl = outputURL(cmd, name, r, "stdout"), outputURL(cmd, name, r, "stderr")
	}
	if !details {
		return out
	}
	for _, name := range cmd.limits.Steps {
		out.CommandPlugins = append(out.CommandPlugins, pluginShape(cmd, inv, name))
	}
	return out
}

func pluginShape(cmd *command, inv *invocation, name string) pluginOutput {
	d := invocationDetails(cmd, inv, name)
	r := inv.plugins[name]
	out := pluginOutput{Name: name, Status: d.Status, StatusDetails: d.StatusDetails, ResponseCode: d.ResponseCode,
		ResponseStartDateTime: r.Start, ResponseFinishDateTime: r.End,
		StandardOutputUrl: d.StandardOutputUrl, StandardErrorUrl: d.StandardErrorUrl,
		OutputS3BucketName: r.S3Bucket, OutputS3KeyPrefix: r.S3Prefix}
	if !r.running() {
		out.Output = r.Output
	}
	if r.S3Bucket != "" {
		out.OutputS3Region = cmd.region
	}
	// A step knows fewer statuses than an invocation.
	switch {
	case slices.Contains([]string{"Delayed"}, out.Status):
		out.Status, out.StatusDetails = "Pending", "Pending"
	case out.Status == "Cancelling":
		out.Status, out.StatusDetails = "InProgress", "InProgress"
	}
	return out
}

// Outcome is what [Service.ForceInvocation] makes of an invocation.
type Outcome struct {
	// Status is one of the API's, StatusDetails any text. Both are shown as they are.
	Status, StatusDetails string
	ResponseCode          int
	Stdout, Stderr        string
	// Step is the step that the code and the output are of; empty means the only one.
	Step string
}

// ForceInvocation puts an invocation into a state that would take a broken network, or a bug, to reach. It is for
// tests of what reads invocations.
func (s *Service) ForceInvocation(ctx context.Context, account, region, commandID, instanceID string, o Outcome) error {
	return s.update(ctx, func(w *work) error {
		cmd, err := loadCommand(ctx, w, account, region, commandID)
		if err != nil {
			return err
		}
		inv, err := loadInvocation(ctx, w, cmd.seq, instanceID)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoCommand
		}
		if err != nil {
			return err
		}
		inv.status, inv.details = o.Status, o.StatusDetails
		name := o.Step
		if name == "" && len(cmd.limits.Steps) == 1 {
			name = cmd.limits.Steps[0]
		}
		if name != "" {
			inv.plugins[name] = pluginResult{Status: o.Status, Details: o.StatusDetails, Code: o.ResponseCode,
				Stdout: cut(o.Stdout, maxStdout), Stderr: cut(o.Stderr, maxStderr), Output: cut(o.Stdout+o.Stderr, maxOutput),
				Start: w.now, End: w.now}
		}
		if slices.Contains([]string{"Pending", "InProgress", "Delayed", "Cancelling"}, o.Status) {
			inv.phase = max(inv.phase%phaseDone, phaseHanded)
			if err := w.save(ctx, inv); err != nil {
				return err
			}
			return w.advance(ctx, cmd)
		}
		return w.finish(ctx, cmd, inv)
	})
}
