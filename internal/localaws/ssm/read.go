package ssm

import (
	"context"
	"database/sql"
	"errors"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// commandOutput is a Command on the wire.
type commandOutput struct {
	CommandId       string
	DocumentName    string
	DocumentVersion string
	Comment         string
	ExpiresAfter    time.Time
	Parameters      map[string][]string
	InstanceIds     []string
	Targets         []target

	RequestedDateTime  time.Time
	Status             string
	StatusDetails      string
	OutputS3Region     string `json:",omitempty"`
	OutputS3BucketName string
	OutputS3KeyPrefix  string
	MaxConcurrency     string
	MaxErrors          string

	TargetCount           int
	CompletedCount        int
	ErrorCount            int
	DeliveryTimedOutCount int

	ServiceRole            string
	NotificationConfig     notificationConfig
	CloudWatchOutputConfig cloudWatchConfig
	TimeoutSeconds         int
	AlarmConfiguration     *alarmConfig `json:",omitempty"`
	TriggeredAlarms        []triggeredAlarm
}

func commandShape(c *command) commandOutput {
	r := c.request
	out := commandOutput{CommandId: c.id, DocumentName: c.document, DocumentVersion: r.DocumentVersion, Comment: r.Comment,
		ExpiresAfter: c.expires, Parameters: r.Parameters, InstanceIds: r.InstanceIds, Targets: r.Targets,
		RequestedDateTime: c.requested, Status: c.status, StatusDetails: c.details,
		OutputS3Region: r.OutputS3Region, OutputS3BucketName: r.OutputS3BucketName, OutputS3KeyPrefix: r.OutputS3KeyPrefix,
		MaxConcurrency: r.MaxConcurrency, MaxErrors: r.MaxErrors, TargetCount: c.targets, CompletedCount: c.completed,
		ErrorCount: c.errors, DeliveryTimedOutCount: c.undelivered, ServiceRole: r.ServiceRoleArn,
		TimeoutSeconds: *r.TimeoutSeconds, AlarmConfiguration: r.AlarmConfiguration, TriggeredAlarms: []triggeredAlarm{}}
	if c.triggered != "" {
		out.TriggeredAlarms = []triggeredAlarm{{Name: r.alarm(), State: c.triggered}}
	}
	if out.Parameters == nil {
		out.Parameters = map[string][]string{}
	}
	if out.InstanceIds == nil {
		out.InstanceIds = []string{}
	}
	if out.Targets == nil {
		out.Targets = []target{}
	}
	out.NotificationConfig, out.CloudWatchOutputConfig = r.configs()
	return out
}

// configs are the optional settings with their zero values filled in.
func (in *sendInput) configs() (n notificationConfig, c cloudWatchConfig) {
	n.NotificationEvents = []string{}
	if in.NotificationConfig != nil {
		n = *in.NotificationConfig
	}
	if in.CloudWatchOutputConfig != nil {
		c = *in.CloudWatchOutputConfig
	}
	return n, c
}

type getInvocationInput struct{ CommandId, InstanceId, PluginName string }

// getInvocationOutput is GetCommandInvocationResult.
type getInvocationOutput struct {
	CommandId              string
	InstanceId             string
	Comment                string
	DocumentName           string
	DocumentVersion        string
	PluginName             string
	ResponseCode           int
	ExecutionStartDateTime string
	ExecutionElapsedTime   string
	ExecutionEndDateTime   string
	Status                 string
	StatusDetails          string
	StandardOutputContent  string
	StandardOutputUrl      string
	StandardErrorContent   string
	StandardErrorUrl       string
	CloudWatchOutputConfig cloudWatchConfig
}

func getInvocationAccess(_ context.Context, _ *gateway.Call, in *getInvocationInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("commandId", in.CommandId)
	v.commandID("commandId", in.CommandId)
	v.required("instanceId", in.InstanceId)
	v.matches("instanceId", in.InstanceId, instanceID)
	v.length("pluginName", in.PluginName, 4, 0)
	return []gateway.Access{{}}, v.err()
}

func noInvocation() error {
	return fault("InvocationDoesNotExist", "The command ID and managed node ID you specified didn't match any invocations. Verify the command ID and the managed node ID and try again.")
}

// getCommandInvocation reads one step of a command on one node. Without a step's name, a document of several steps
// shows the invocation's status and no output.
func (s *Service) getCommandInvocation(ctx context.Context, c *gateway.Call, in *getInvocationInput) (*getInvocationOutput, error) {
	if !uuidForm.MatchString(in.CommandId) {
		return nil, badCommandID()
	}
	cmd, inv, err := loadBoth(ctx, s.db, Node{c.Caller.Account, c.Region, in.InstanceId}, in.CommandId)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && !s.settled(cmd)) {
		return nil, noInvocation()
	}
	if err != nil {
		return nil, err
	}
	name := in.PluginName
	if name == "" && len(cmd.limits.Steps) == 1 {
		name = cmd.limits.Steps[0]
	}
	if name != "" && !slices.Contains(cmd.limits.Steps, name) {
		return nil, fault("InvalidPluginName", "The plugin name isn't valid.")
	}
	return invocationDetails(cmd, inv, name), nil
}

// settled says that reads see the command already.
func (s *Service) settled(c *command) bool { return s.now().Sub(c.requested) >= s.delay }

func invocationDetails(cmd *command, inv *invocation, name string) *getInvocationOutput {
	out := &getInvocationOutput{CommandId: cmd.id, InstanceId: inv.instance, Comment: cmd.request.Comment,
		DocumentName: cmd.document, DocumentVersion: cmd.request.DocumentVersion, PluginName: name, ResponseCode: -1,
		Status: inv.status, StatusDetails: inv.details}
	_, out.CloudWatchOutputConfig = cmd.request.configs()
	result, ok := inv.plugins[name]
	if !ok {
		return out
	}
	// While a command is being cancelled its step still says InProgress; the invocation's word is the newer one.
	if inv.phase == phaseDone || result.Status != "InProgress" {
		out.Status, out.StatusDetails = result.Status, result.Details
	}
	if !result.running() {
		out.ResponseCode = result.Code
		out.StandardOutputContent, out.StandardErrorContent = result.Stdout, result.Stderr
	} else if inv.phase == phaseDone {
		out.Status, out.StatusDetails = inv.status, inv.details
	}
	out.StandardOutputUrl, out.StandardErrorUrl = outputURL(cmd, name, result, "stdout"), outputURL(cmd, name, result, "stderr")
	if !result.Start.IsZero() {
		out.ExecutionStartDateTime = isoTime(result.Start)
	}
	if !result.End.IsZero() {
		out.ExecutionEndDateTime = isoTime(result.End)
		out.ExecutionElapsedTime = isoDuration(result.End.Sub(result.Start))
	}
	return out
}

// running says that the step has no result yet: what it has written so far is not shown.
func (r pluginResult) running() bool { return r.Status == "Pending" || r.Status == "InProgress" }

// outputURL is where the agent says it has written a step's output to; whether it could is not known here, as on AWS.
func outputURL(cmd *command, step string, r pluginResult, stream string) string {
	if r.S3Bucket == "" {
		return ""
	}
	return "https://s3." + cmd.region + ".amazonaws.com/" + path.Join(r.S3Bucket, r.S3Prefix, cmd.limits.folder(step), stream)
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// isoDuration is an ISO 8601 duration: PT0.123S, PT2M3S.
func isoDuration(d time.Duration) string {
	d = max(0, d.Round(time.Millisecond))
	text := "PT"
	if h := int(d.Hours()); h > 0 {
		text += strconv.Itoa(h) + "H"
	}
	if m := int(d.Minutes()) % 60; m > 0 {
		text += strconv.Itoa(m) + "M"
	}
	seconds := d % time.Minute
	if seconds == 0 && text != "PT" {
		return text
	}
	if seconds%time.Second == 0 {
		return text + strconv.Itoa(int(seconds/time.Second)) + "S"
	}
	return text + strconv.FormatFloat(seconds.Seconds(), 'f', -1, 64) + "S"
}
