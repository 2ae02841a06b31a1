package needs

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
)

// call adds what one program needs.
func (n *Needs) call(c *pipelines.Call) {
	a := asked{place: pipelines.Place{File: c.File, Line: c.Line, Column: c.Column}, entry: c.Entry, command: path.Base(c.Words[0].Text)}
	if c.Service == "" && n.tool(a, c) {
		return
	}
	actions, untold := c.Needs()
	if len(c.Words) > 2 && c.Service != "" {
		a.command = "aws " + c.Service + " " + c.Operation
	}
	if region, ok := c.Flag("--region"); ok {
		a.entry.Region, _ = c.Value(region)
	}
	if c.Has("--profile") { // other credentials than the job's
		a.entry.Role = ""
	}
	if untold != "" {
		n.unknown(a, untold)
		return
	}
	for _, action := range actions {
		n.onResources(a, c, action)
	}
	if len(actions) > 0 {
		n.handsOver(a, c, actions)
	}
}

// onResources adds an action of the AWS CLI on the resources that the command line names.
func (n *Needs) onResources(a asked, c *pipelines.Call, action string) {
	known, ok := catalog.Lookup(action)
	switch {
	case !ok:
		n.unknown(a, action+" is no action of IAM")
	case len(known.Resources) == 0:
		n.need(a, action, true, "*")
	case action == "ssm:SendCommand":
		n.send(a, c)
	case strings.HasPrefix(action, "s3:"):
		n.onS3(a, c, action)
	default:
		resources, exact := named(a, c, known)
		n.need(a, action, exact, resources...)
	}
}

// passed are the options of the AWS CLI with which a role is handed over.
var passed = []string{"--role-arn", "--role", "--execution-role-arn", "--task-role-arn", "--service-role-arn", "--service-role", "--iam-role"}

// handsOver adds iam:PassRole where a role is handed to a service.
func (n *Needs) handsOver(a asked, c *pipelines.Call, actions []string) {
	passes := slices.ContainsFunc(actions, func(action string) bool {
		known, _ := catalog.Lookup(action)
		return slices.Contains(known.DependentActions, "iam:PassRole") || strings.HasPrefix(action, "cloudformation:")
	})
	if !passes {
		return
	}
	for _, flag := range passed {
		if word, ok := c.Flag(flag); ok {
			arn, known := c.Value(word)
			if known = known && strings.HasPrefix(arn, "arn:"); !known {
				arn = "arn:aws:iam::" + a.account() + ":role/*"
			}
			n.need(a, "iam:PassRole", known, arn)
			return
		}
	}
}

// send adds a SendCommand: it needs the document, and each node (SendCommand in the service authorization reference).
func (n *Needs) send(a asked, c *pipelines.Call) {
	document, exact := "arn:aws:ssm:"+a.region()+":"+a.account()+":document/*", false
	if word, ok := c.Flag("--document-name"); ok {
		if name, known := c.Value(word); known && name != "" {
			document, exact = documentARN(a, name), a.region() != "*"
		}
	}
	n.need(a, "ssm:SendCommand", exact && !strings.Contains(document, "*"), document)
	var nodes []string
	exact = true
	for _, word := range values(c, "--instance-ids") {
		text, known := c.Value(word)
		for _, id := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
			nodes = append(nodes, nodeARN(a, id))
		}
		exact = exact && known
	}
	if len(nodes) == 0 {
		nodes, exact = []string{"arn:aws:ec2:" + a.region() + ":" + a.account() + ":instance/*"}, false
	}
	n.need(a, "ssm:SendCommand", exact && a.region() != "*" && a.account() != "*", nodes...)
}

// documentARN is the ARN of a document: one of AWS has no account.
func documentARN(a asked, name string) string {
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case strings.HasPrefix(name, "AWS-"):
		return "arn:aws:ssm:" + a.region() + "::document/" + name
	}
	return "arn:aws:ssm:" + a.region() + ":" + a.account() + ":document/" + name
}

func nodeARN(a asked, id string) string {
	if strings.HasPrefix(id, "mi-") {
		return "arn:aws:ssm:" + a.region() + ":" + a.account() + ":managed-instance/" + id
	}
	return "arn:aws:ec2:" + a.region() + ":" + a.account() + ":instance/" + id
}
