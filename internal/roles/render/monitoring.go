package render

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// Monitoring gives a template an account that watches its deploy roles (R128): <account>-monitoring.yaml. EventBridge tells a
// topic who assumes them, who changes them, and who else sends commands; filters on the log of CloudTrail count the same,
// and rules of AWS Config look at the account, where these are there.
//
// The patterns follow AWS's reference of events (EventBridge, "AWS service events delivered via AWS CloudTrail").
func Monitoring(s *roles.Set, o Options) (map[string][]byte, error) {
	list, err := accounts(s)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i := range list {
		a := &list[i]
		if len(a.roles) == 0 {
			continue
		}
		file := a.id + "-monitoring.yaml"
		t := newTemplate(o, monitoringHead(o, a, file), fmt.Sprintf("Watches the deploy roles of %s in account %s, rendered by slipway", o.App, a.id))
		t.monitoring(a, senders(s, a.id))
		if files[file], err = t.print(); err != nil {
			return nil, fmt.Errorf("monitoring of account %s: %w", a.id, err)
		}
	}
	return files, nil
}

func monitoringHead(o Options, a *account, file string) []string {
	lines := []string{
		"Watches the deploy roles of " + o.App + " in account " + a.id + ". slipway renders this file: change the release file, not this.",
		"",
		"  aws cloudformation deploy --stack-name " + o.App + "-monitoring --template-file " + file,
		"",
	}
	return append(lines, roles.Wrap("Deploy it in each region of the release, and in us-east-1: CloudTrail reports changes of IAM there only, and those "+
		"who assume a role where they ask for it. The account needs a trail that logs management events. Subscribe to the topic to hear of it.", 112)...)
}

// senders are the roles that may send commands in an account, those of others among them that a pipeline enters by.
func senders(s *roles.Set, account string) []string {
	return slices.DeleteFunc(s.Senders(), func(arn string) bool { return !strings.Contains(arn, "::"+account+":") })
}

// monitoring adds what watches an account's roles.
func (t *template) monitoring(a *account, senders []string) {
	t.parameter("TrailLogGroup", "The log group of the account's trail; empty where there is none", "")
	t.parameter("ConfigIsOn", "true where AWS Config records in this region", "false", "false", "true")
	add(t.conditions, "HasTrailLogGroup", tagged("!Not", sequence(tagged("!Equals", sequence(tagged("!Ref", text("TrailLogGroup")), text(""))))))
	add(t.conditions, "HasConfig", tagged("!Equals", sequence(tagged("!Ref", text("ConfigIsOn")), text("true"))))
	t.topic()
	var entered, names []string
	for i := range a.roles {
		r := &a.roles[i]
		names = append(names, r.Name)
		if !handedByService(r) {
			entered = append(entered, r.ARN())
		}
	}
	if len(entered) > 0 {
		t.rule("DeployRoleAssumed", "Somebody assumes a deploy role.", assumed(entered))
		t.filter("DeployRoleAssumed", "Counts who assumes a deploy role.", anyOf(`$.requestParameters.roleArn`, "=", entered, " || "))
	}
	t.rule("DeployRoleChanged", "Somebody changes a role, or what it is allowed. IAM reports that in us-east-1 only.", changed(names))
	t.rule("CommandSentByOthers", "Somebody sends a command who is not the pipeline.", sentByOthers(senders))
	t.filter("CommandSentByOthers", "Counts commands that the pipeline did not send.",
		`($.eventSource = "ssm.amazonaws.com") && ($.eventName = "SendCommand")`+others(senders))
	t.configRules()
}

// others is the end of a filter: by none of these roles, or by a user, who has no session.
func others(senders []string) string {
	if len(senders) == 0 {
		return ""
	}
	const issuer = "$.userIdentity.sessionContext.sessionIssuer.arn"
	return " && (" + anyOf(issuer, "!=", senders, " && ") + " || (" + issuer + " NOT EXISTS))"
}

// handedByService says that a service hands the role out, which happens all the time and is no news.
func handedByService(r *roles.Role) bool {
	if r.Trust == nil {
		return false
	}
	for i := range r.Trust.Statements {
		for _, p := range r.Trust.Statements[i].Principals {
			if p.Kind != iam.KindService {
				return false
			}
		}
	}
	return len(r.Trust.Statements) > 0
}

func (t *template) parameter(name, why, value string, values ...string) {
	p := object("Type", text("String"), "Default", text(value), "Description", text(why))
	if len(values) > 0 {
		add(p, "AllowedValues", texts(values))
	}
	add(t.parameters, name, p)
}

// topic is where all of it is told. EventBridge may publish to it, of this account only.
func (t *template) topic() {
	t.resource("Topic", "AWS::SNS::Topic", "", "What is told here wants somebody to look.", nil, object())
	t.resource("TopicPolicy", "AWS::SNS::TopicPolicy", "", "", nil, object(
		"Topics", sequence(tagged("!Ref", text("Topic"))),
		"PolicyDocument", object("Version", text(iam.Version2012), "Statement", sequence(object(
			"Sid", text("EventBridgeTells"), "Effect", text("Allow"), "Principal", object("Service", text("events.amazonaws.com")),
			"Action", text("sns:Publish"), "Resource", tagged("!Ref", text("Topic")),
			"Condition", object("StringEquals", object("aws:SourceAccount", tagged("!Ref", text("AWS::AccountId")))),
		))),
	))
}

// rule tells the topic of events. Events of calls that only read, such as AssumeRole, are delivered only to rules in this state.
func (t *template) rule(name, why string, pattern *yaml.Node) {
	t.resource(name, "AWS::Events::Rule", "", why, []string{"TopicPolicy"}, object(
		"Description", text(why),
		"State", text("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"),
		"EventPattern", pattern,
		"Targets", sequence(object("Id", text("Topic"), "Arn", tagged("!Ref", text("Topic")))),
	))
}

func event(service string, names []string, more ...any) *yaml.Node {
	detail := object("eventSource", texts([]string{service + ".amazonaws.com"}), "eventName", texts(names))
	for i := 0; i+1 < len(more); i += 2 {
		add(detail, more[i].(string), more[i+1].(*yaml.Node))
	}
	return object("source", texts([]string{"aws." + service}), "detail-type", texts([]string{"AWS API Call via CloudTrail"}), "detail", detail)
}

func assumed(arns []string) *yaml.Node {
	return event("sts", []string{"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"},
		"requestParameters", object("roleArn", texts(arns)))
}

func changed(names []string) *yaml.Node {
	return event("iam", []string{
		"AttachRolePolicy", "CreateRole", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy",
		"PutRolePermissionsBoundary", "PutRolePolicy", "UpdateAssumeRolePolicy", "UpdateRole",
	}, "requestParameters", object("roleName", texts(names)))
}

// sentByOthers is of roles that are none of these, and of users, who have no session.
func sentByOthers(senders []string) *yaml.Node {
	if len(senders) == 0 {
		return event("ssm", []string{"SendCommand"})
	}
	issuer := func(match *yaml.Node) *yaml.Node {
		return object("userIdentity", object("sessionContext", object("sessionIssuer", object("arn", sequence(match)))))
	}
	return event("ssm", []string{"SendCommand"}, "$or", sequence(
		issuer(object("anything-but", texts(senders))),
		issuer(object("exists", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"})),
	))
}

// anyOf joins comparisons of a filter on logs.
func anyOf(selector, operator string, values []string, join string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprintf("(%s %s %q)", selector, operator, v)
	}
	return "(" + strings.Join(parts, join) + ")"
}

// maxFilter is how long CloudWatch Logs takes a filter's pattern.
const maxFilter = 1024

// filter counts events of the trail's log group, if it has one. One that would be too long is left to the rule.
func (t *template) filter(name, why, pattern string) {
	pattern = "{ " + pattern + " }"
	if len(pattern) > maxFilter {
		return
	}
	t.resource(name+"Count", "AWS::Logs::MetricFilter", "HasTrailLogGroup", why, nil, object(
		"LogGroupName", tagged("!Ref", text("TrailLogGroup")), "FilterPattern", text(pattern),
		"MetricTransformations", sequence(object("MetricNamespace", text("Slipway/"+t.options.App), "MetricName", text(name), "MetricValue", text("1"))),
	))
}

// configRules are AWS's own: of the nodes, of what can be sent, and of what is allowed.
func (t *template) configRules() {
	for _, rule := range []struct{ name, identifier, why string }{
		{"NodesAreManaged", "EC2_INSTANCE_MANAGED_BY_SSM", "An instance that Systems Manager does not know gets no release."},
		{"DocumentsAreNotPublic", "SSM_DOCUMENT_NOT_PUBLIC", "A document of the account that everybody may send shows what runs on the nodes."},
		{"NoPolicyAllowsEverything", "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS", "Whoever may do everything may change the deploy roles. It looks at managed policies only."},
	} {
		t.resource(rule.name, "AWS::Config::ConfigRule", "HasConfig", rule.why, nil, object(
			"Source", object("Owner", text("AWS"), "SourceIdentifier", text(rule.identifier)),
		))
	}
}
