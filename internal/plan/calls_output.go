package plan

import (
	"slices"
	"strings"
)

// readOutput adds what shows people the complete output of a step.
func (b *builder) readOutput(verify RoleKind, step *Step) {
	if step.Output.LogGroup != "" {
		b.addTo(step, Call{
			Step: step.Name, Role: verify, Action: "logs:FilterLogEvents", Resources: []Resource{b.logs(step.Output.LogGroup, "log-group")},
			When: Tick, Often: "once per tick and page of lines", OnResume: true,
			Reason: "Shows what the scripts print while they run, and all of it at the end.",
		})
		b.addTo(step, Call{
			Step: step.Name, Role: verify, Action: "logs:GetLogEvents", Resources: []Resource{b.logs(step.Output.LogGroup, "log-stream")},
			When: OnFinish, Often: "once per page of a node's lines", OnResume: true,
			Reason: "Reads the complete output of one script on one node.",
		})
	}
	if step.Output.Bucket != "" {
		b.addTo(step, Call{
			Step: step.Name, Role: verify, Action: "s3:ListBucket", Resources: bucketResource(step.Output.Bucket),
			When: OnFinish, Often: "once per node whose output was cut", OnResume: true, For: readOutput.sid,
			Reason: "S3 tells output that is not there yet from what is forbidden only to those who may list the bucket.",
		})
		b.addTo(step, Call{
			Step: step.Name, Role: verify, Action: "s3:GetObject", Resources: step.outputObjects(),
			When: OnFinish, Often: "once per node whose output was cut", OnResume: true, For: readOutput.sid,
			Reason: "Reads the complete output of one script on one node.",
		})
	}
}

// serveScripts adds what the nodes call because of what the release's steps are: for output, for large scripts.
func (b *builder) serveScripts() {
	var groups []string
	var buckets []Output
	fetches := false
	for i := range b.stage.Steps {
		step := &b.stage.Steps[i]
		if o := step.Output; o.LogGroup != "" && !slices.Contains(groups, o.LogGroup) {
			groups = append(groups, o.LogGroup)
		}
		if o := (Output{Bucket: step.Output.Bucket, Prefix: step.Output.Prefix}); o.Bucket != "" && !slices.Contains(buckets, o) {
			buckets = append(buckets, o)
		}
		fetches = fetches || step.fetches() || step.Check != nil && step.Check.fetches()
	}
	b.writeLogs(groups)
	b.writeObjects(buckets)
	if b.record != nil && fetches {
		b.add(Call{
			Role: KindNode, Action: "s3:GetObject", When: Always, Often: "once per node and large script",
			Resources: b.recorded(objects(b.record.Bucket, b.app+"/"+scriptsFolder+"/", perScript)),
			Reason:    "Fetches scripts that are too large for an SSM document.", For: fetchScripts.sid,
		})
		b.add(Call{
			Role: KindNode, Action: "s3:ListBucket", When: Always, Often: "once per node and large script",
			Resources: b.recorded(bucketResource(b.record.Bucket)),
			Reason: "The agent asks which region the bucket is in, and whether what it is to fetch is a folder, before it fetches " +
				"a script.", For: fetchScripts.sid,
		})
	}
}

// fetches says whether a step of the document fetches a script. It holds of a step of an earlier deploy too, whose blobs
// are not known any more.
func (s *Step) fetches() bool {
	return slices.ContainsFunc(s.ScriptSteps, func(name string) bool { return strings.HasPrefix(name, fetchPrefix) })
}

// writeLogs adds what the agent calls to write output to CloudWatch Logs (R107).
func (b *builder) writeLogs(groups []string) {
	if len(groups) == 0 {
		return
	}
	var own, streams []Resource
	for _, name := range groups {
		own, streams = append(own, b.logs(name, "log-group")), append(streams, b.logs(name, "log-stream"))
	}
	node := func(action string, resources []Resource, often, reason string) {
		b.add(Call{Role: KindNode, Action: action, Resources: resources, When: OnOutput, Often: often, Reason: reason})
	}
	node("logs:DescribeLogGroups", nil, "once per script", "The agent looks whether the log group is there.")
	node("logs:CreateLogGroup", own, "once", "The agent makes the log group where it is not there.")
	node("logs:DescribeLogStreams", own, "once per script", "The agent looks whether a script's stream is there.")
	node("logs:CreateLogStream", streams, "once per script and stream", "The agent makes a stream for a script's output.")
	node("logs:PutLogEvents", streams, "every second while a script prints", "The agent writes what a script prints.")
}

// writeObjects adds what the agent calls to write output to S3 (R107).
func (b *builder) writeObjects(outputs []Output) {
	for _, o := range outputs {
		step := Step{Output: o}
		node := func(action string, resources []Resource, reason string) {
			b.add(Call{
				Role: KindNode, Action: action, Resources: resources, When: OnOutput, Often: "once per script and stream",
				Reason: reason, For: writeBucket.sid,
			})
		}
		node("s3:PutObject", step.outputObjects(), "The agent writes what a script printed.")
		node("s3:PutObjectAcl", step.outputObjects(), "The agent hands what it writes to the bucket's owner.")
		node("s3:ListBucket", bucketResource(o.Bucket), "The agent asks which region the bucket is in.")
		node("s3:GetEncryptionConfiguration", bucketResource(o.Bucket), "The agent looks how the bucket encrypts what it writes.")
	}
}

// outputObjects are the objects that hold a step's output.
func (s *Step) outputObjects() []Resource {
	prefix := s.Output.Prefix
	if prefix != "" {
		prefix += "/"
	}
	return objects(s.Output.Bucket, prefix, perOutput)
}

// logs are a log group and its streams, as the type that an action is scoped to. AWS checks actions on a group as its
// streams without a name, so that only an ARN that goes on matches.
func (b *builder) logs(name, as string) Resource {
	return Resource{
		ARN:  "arn:aws:logs:" + b.stage.Region + ":" + b.stage.Account + ":log-group:" + name + ":*",
		Type: as, Pattern: perStream,
	}
}
