package plan

import "slices"

// Why the resources of the record are patterns.
const (
	perDeploy = "every deploy has an object of its own in it"
	perScript = "a script's object is named by its content"
	perOutput = "every command, node and script has an object of its own in it"
	perStream = "every command, node and script has a stream of its own in it"
	perBuild  = "every build has a stream of its own in it"
	// inAnyRegion is of the project of a release that has no region of its own.
	inAnyRegion = "the release does not say in which region the project is, and every build has a stream of its own"
)

// objects are the objects of a bucket below a prefix.
func objects(bucket, prefix, why string) []Resource {
	return []Resource{{ARN: "arn:aws:s3:::" + bucket + "/" + prefix + "*", Type: "object", Pattern: why}}
}

func bucketResource(name string) []Resource {
	return []Resource{{ARN: "arn:aws:s3:::" + name, Type: "bucket"}}
}

// recorded are resources of the record's bucket, which may be another account's.
func (b *builder) recorded(list []Resource) []Resource {
	if b.record.Account != b.stage.Account {
		for i := range list {
			list[i].Account = b.record.Account
		}
	}
	return list
}

// keepRecord adds what the lock, the state and the history of a stage need.
func (b *builder) keepRecord(sender, watcher RoleKind) {
	if b.record == nil {
		return
	}
	own := b.recorded(objects(b.record.Bucket, b.app+"/"+b.stage.Name+"/", perDeploy))
	bucket := b.recorded(bucketResource(b.record.Bucket))
	b.add(Call{
		Role: sender, Action: "s3:GetObject", Resources: own, When: Always, BeforeSend: 1, OnResume: true,
		Often:  "once per object, and at every renewal of the lock",
		Reason: "Reads who holds the stage's lock, and what the stage runs.",
	})
	b.add(Call{
		// The lock, the deploy's record, that it is the latest; then its end, what the stage runs, and the lock again.
		Role: sender, Action: "s3:PutObject", Resources: own, When: Always, Least: 6, BeforeSend: 3, OnResume: true,
		Often:  "before and after each send, and at every renewal of the lock",
		Reason: "Takes and gives back the stage's lock, and writes down what was sent and what became of it.",
	})
	b.add(Call{
		Role: sender, Action: "s3:ListBucket", Resources: bucket, When: FirstTime, Often: "once per object that is not there",
		Reason: "S3 tells an object that does not exist from a forbidden one only to those who may list the bucket.",
	})
	b.add(Call{
		Role: watcher, Action: "s3:ListBucket", Resources: bucket, When: OnStatus, Often: "once per page of deploys",
		Reason: "Lists the stage's deploys.",
	})
	if b.large() {
		b.add(Call{
			Role: sender, Action: "s3:PutObject", When: Always, BeforeSend: 1, Often: "once per large script", For: keepScripts.sid,
			Resources: b.recorded(objects(b.record.Bucket, b.app+"/"+scriptsFolder+"/", perScript)),
			Reason:    "Puts scripts that are too large for an SSM document where the nodes fetch them.",
		})
	}
	if watcher == sender {
		return
	}
	b.add(Call{
		Role: watcher, Action: "s3:GetObject", Resources: own, When: OnStatus, OnResume: true, Often: "once per object",
		Reason: "Reads what is deployed, and what a deploy that was broken off has sent.",
	})
	b.add(Call{
		Role: watcher, Action: "s3:PutObject", Resources: own, When: OnResume, OnResume: true, Often: "once per finding",
		Reason: "Writes down what became of a deploy that was broken off, or that it is to be cancelled.",
	})
}

// large says whether a step has a script that its document does not hold.
func (b *builder) large() bool {
	return slices.ContainsFunc(b.stage.Steps, func(s Step) bool {
		return len(s.Blobs) > 0 || s.Check != nil && len(s.Check.Blobs) > 0
	})
}
