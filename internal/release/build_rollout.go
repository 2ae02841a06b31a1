package release

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// rollout checks what belongs together in a command's rollout; nil when it has none.
func (b *builder) rollout(l located[commandFile]) *Rollout {
	c, written := l.value, l.value.rollout
	if !written.ok() {
		return nil
	}
	r := written.value
	label := commandTable.named(l.node)
	if c.once.value {
		b.errorf(written.node, "leave one of them out", "%s has both once and rollout: once is one node", label)
	}
	if r.maxFailures.ok() && b.hasKey(l.node, "max-errors") {
		b.errorf(r.maxFailures.node, "keep one of them", "%s has both max-errors and max-failures: they are the same bound",
			label)
	}
	if b.hasKey(written.node, "validate") && b.hasKey(l.node, "document") {
		b.errorf(keyNode(written.node, "validate"), "use script: instead of document:",
			"the rollout's validate goes with script, not with document, in %s", label)
	}
	if len(written.node.Content) == 0 {
		b.errorf(written.node, "for example rollout: {batches: [1, 25%, 100%], pause: 30s}", "%s has an empty rollout", label)
	}
	if r.pause.ok() && !b.hasKey(written.node, "batches") && !b.hasKey(written.node, "validate") {
		b.errorf(r.pause.node, "for example batches: [1, 100%]", "%s pauses, and there is nothing to wait for: neither "+
			"batches nor validate", label)
	}
	return &Rollout{
		Batches: values(r.batches.value), Pause: r.pause.value, Validate: b.optionalScript(r.validate, c, DefaultTimeout),
		MaxFailures: r.maxFailures.value, MinHealthy: r.minHealthy.value, Alarm: r.alarm.value,
	}
}

// output: somewhere, and a prefix only of a bucket.
func (b *builder) output(l located[outputFile]) *Output {
	if !l.ok() {
		return nil
	}
	o := l.value
	if !b.hasKey(l.node, "log-group") && !b.hasKey(l.node, "bucket") {
		b.errorf(l.node, "for example output: {log-group: /shop/deploy}", "output has neither log-group nor bucket")
	}
	if o.prefix.ok() && !b.hasKey(l.node, "bucket") {
		b.errorf(o.prefix.node, "add bucket, or leave it out", "prefix goes with bucket")
	}
	b.outputBesideRecord(l.node, o)
	return &Output{LogGroup: o.logGroup.value, Bucket: o.bucket.value, Prefix: o.prefix.value}
}

// outputBesideRecord: the nodes may write where output goes, and must not where the lock, the record and the scripts are. A
// rollback ships what the record says.
func (b *builder) outputBesideRecord(node *yaml.Node, o outputFile) {
	record, app := b.file.record.value.bucket, b.file.app.value
	if !record.ok() || !o.bucket.ok() || o.bucket.value != record.value || !o.prefix.ok() && b.hasKey(node, "prefix") {
		return
	}
	if prefix := o.prefix.value; prefix == "" || prefix == app || strings.HasPrefix(prefix, app+"/") {
		at := o.bucket.node
		if o.prefix.ok() {
			at = o.prefix.node
		}
		b.errorf(at, "for example prefix: output/"+app+", or another bucket", "output would let the nodes write the record, which is "+
			"below %s/ in the same bucket", app)
	}
}

// onFailure: a rollback goes back to what the record says.
func (b *builder) onFailure(written located[string]) OnFailure {
	if !written.ok() {
		return Stop
	}
	if OnFailure(written.value) == Rollback && !b.hasKey(nil, "record") {
		b.errorf(written.node, "add record: {bucket: …} at the top of the file",
			"on-failure: rollback needs record, which knows what to go back to")
	}
	return OnFailure(written.value)
}

func permissions(written []located[permissionFile]) []Permission {
	var list []Permission
	for _, p := range written {
		list = append(list, Permission{
			Actions: values(p.value.actions.value), Resources: values(p.value.resources.value), Pos: position(p.node),
		})
	}
	return list
}

// record is nil when the release keeps none.
func (b *builder) record() *Record {
	l := b.file.record
	if !l.ok() {
		return nil
	}
	r := l.value
	record := &Record{
		Bucket: r.bucket.value, Account: r.account.value, AccountID: b.accountID(r.account), Region: r.region.value,
		Lease: durationOr(r.lease, DefaultLease), Pos: position(l.node),
	}
	if record.Region == "" {
		record.Region = b.file.region.value
	}
	if record.Region == "" && !b.hasKey(l.node, "region") && !b.hasKey(nil, "region") {
		b.errorf(l.node, "add region: eu-west-1 here, or once at the top of the file", "record has no region")
	}
	return record
}

// recordAccount: a bucket's name is unique in all of AWS, so it lies in one account.
func (b *builder) recordAccount(r *Release) {
	if r.Record == nil || r.Record.Account != "" || b.hasKey(b.file.record.node, "account") {
		return
	}
	accounts := map[string]string{}
	for _, stage := range r.Stages {
		accounts[stage.Account] = stage.AccountID
	}
	names := slices.Sorted(maps.Keys(accounts))
	if len(names) == 1 {
		r.Record.Account, r.Record.AccountID = names[0], accounts[names[0]]
		return
	}
	b.errorf(b.file.record.node, "add account: to record", "record has no account, and the stages are in several (%s): a "+
		"bucket lies in one", strings.Join(names, ", "))
}
