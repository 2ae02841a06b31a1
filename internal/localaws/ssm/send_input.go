package ssm

import (
	"regexp"
	"strconv"
	"strings"
)

// sendInput is SendCommandRequest.
type sendInput struct {
	InstanceIds        []string            `json:",omitempty"`
	Targets            []target            `json:",omitempty"`
	DocumentName       string              `json:",omitempty"`
	DocumentVersion    string              `json:",omitempty"`
	DocumentHash       string              `json:",omitempty"`
	DocumentHashType   string              `json:",omitempty"`
	TimeoutSeconds     *int                `json:",omitempty"`
	Comment            string              `json:",omitempty"`
	Parameters         map[string][]string `json:",omitempty"`
	OutputS3Region     string              `json:",omitempty"`
	OutputS3BucketName string              `json:",omitempty"`
	OutputS3KeyPrefix  string              `json:",omitempty"`
	MaxConcurrency     string              `json:",omitempty"`
	MaxErrors          string              `json:",omitempty"`
	ServiceRoleArn     string              `json:",omitempty"`

	NotificationConfig     *notificationConfig `json:",omitempty"`
	CloudWatchOutputConfig *cloudWatchConfig   `json:",omitempty"`
	AlarmConfiguration     *alarmConfig        `json:",omitempty"`

	// document is what DocumentName was found to be when the request was authorised, missing why it was not found.
	document stored
	missing  error
	// named are the nodes that InstanceIds name, as they were found then.
	named []named
}

type target struct {
	Key    string
	Values []string
}

type notificationConfig struct {
	NotificationArn    string
	NotificationEvents []string
	NotificationType   string
}

type cloudWatchConfig struct {
	CloudWatchLogGroupName  string
	CloudWatchOutputEnabled bool
}

type alarmConfig struct {
	IgnorePollAlarmFailure bool
	Alarms                 []struct{ Name string }
}

// validate applies the service model's constraints.
func (in *sendInput) validate() error {
	v := &validation{}
	v.required("documentName", in.DocumentName)
	v.matches("documentName", in.DocumentName, documentRef)
	v.matches("documentVersion", in.DocumentVersion, versionRef)
	v.length("documentHash", in.DocumentHash, 0, 256)
	v.oneOf("documentHashType", in.DocumentHashType, "Sha256", "Sha1")
	v.between("timeoutSeconds", in.TimeoutSeconds, 30, 2592000)
	v.length("comment", in.Comment, 0, 100)
	v.length("outputS3Region", in.OutputS3Region, 3, 20)
	v.length("outputS3BucketName", in.OutputS3BucketName, 3, 63)
	v.length("outputS3KeyPrefix", in.OutputS3KeyPrefix, 0, 500)
	v.length("maxConcurrency", in.MaxConcurrency, 1, 7)
	v.matches("maxConcurrency", in.MaxConcurrency, maxConcurrency)
	v.length("maxErrors", in.MaxErrors, 1, 7)
	v.matches("maxErrors", in.MaxErrors, maxErrors)
	v.ids("instanceIds", in.InstanceIds)
	in.validateTargets(v)
	in.validateConfigs(v)
	if err := v.err(); err != nil {
		return err
	}
	return in.validateChoice()
}

func (in *sendInput) validateTargets(v *validation) {
	if len(in.Targets) > 5 {
		v.add(strconv.Itoa(len(in.Targets))+" targets", "targets", "Member must have length less than or equal to 5")
	}
	for i, t := range in.Targets {
		path := "targets." + strconv.Itoa(i+1) + ".member."
		v.required(path+"key", t.Key)
		v.length(path+"key", t.Key, 1, 163)
		v.matches(path+"key", t.Key, targetKey)
		v.count(path+"values", t.Values, 0, 50)
	}
}

func (in *sendInput) validateConfigs(v *validation) {
	if n := in.NotificationConfig; n != nil {
		for i, e := range n.NotificationEvents {
			v.oneOf("notificationConfig.notificationEvents."+strconv.Itoa(i+1)+".member", e,
				"All", "InProgress", "Success", "TimedOut", "Cancelled", "Failed")
		}
		v.oneOf("notificationConfig.notificationType", n.NotificationType, "Command", "Invocation")
	}
	if c := in.CloudWatchOutputConfig; c != nil {
		v.length("cloudWatchOutputConfig.cloudWatchLogGroupName", c.CloudWatchLogGroupName, 1, 512)
		v.matches("cloudWatchOutputConfig.cloudWatchLogGroupName", c.CloudWatchLogGroupName, logGroup)
	}
	if a := in.AlarmConfiguration; a != nil {
		if len(a.Alarms) != 1 {
			v.add(strconv.Itoa(len(a.Alarms))+" alarms", "alarmConfiguration.alarms", "Member must have length equal to 1")
		}
		for i, alarm := range a.Alarms {
			path := "alarmConfiguration.alarms." + strconv.Itoa(i+1) + ".member.name"
			v.length(path, alarm.Name, 1, 255)
			if strings.TrimSpace(alarm.Name) == "" {
				v.missing(path)
			}
		}
	}
}

// logGroup is the model's constraint on log group names.
var logGroup = newPattern(`[\.\-_/#A-Za-z0-9]+`)

// validateChoice wants either ids or targets, and kinds of target that the local AWS has.
func (in *sendInput) validateChoice() error {
	switch {
	case len(in.InstanceIds) > 0 && len(in.Targets) > 0:
		return invalid("Specify either InstanceIds or Targets, not both.")
	case len(in.InstanceIds) == 0 && len(in.Targets) == 0:
		return invalid("Specify InstanceIds or Targets.")
	}
	for _, t := range in.Targets {
		_, isTag := strings.CutPrefix(t.Key, "tag:")
		switch {
		case strings.HasPrefix(t.Key, "resource-groups:"):
			return invalid("The local AWS serves no resource groups: " + t.Key + ".")
		case len(t.Values) == 0:
			return invalid("The target " + t.Key + " has no values.")
		case isTag && len(t.Values) > 5:
			// uncertain: the user guide says five values for a tag, the model fifty.
			return invalid("The target " + t.Key + " has more than 5 values.")
		case isTag, t.Key == "tag-key", t.Key == "InstanceIds":
		default:
			return invalid("The target key " + t.Key + " isn't valid.")
		}
	}
	return in.validateOptions()
}

// topicARN is the ARN of an SNS topic.
var topicARN = regexp.MustCompile(`^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)

// validateOptions checks what the service model cannot.
func (in *sendInput) validateOptions() error {
	n := in.NotificationConfig
	if n == nil || (n.NotificationArn == "" && len(n.NotificationEvents) == 0 && n.NotificationType == "") {
		return nil
	}
	if !topicARN.MatchString(n.NotificationArn) {
		return fault("InvalidNotificationConfig", "One or more configuration items isn't valid: %q is no ARN of an Amazon SNS topic.", n.NotificationArn)
	}
	if in.ServiceRoleArn == "" {
		return fault("InvalidRole", "A service role is required to send notifications.")
	}
	return nil
}
