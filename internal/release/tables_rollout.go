package release

import (
	"net/netip"
	"path"
	"strings"
	"time"
)

// The tables of what keeps a deploy safe: scripts in phases, rollouts, output, the record and the node's permissions.

type rolloutFile struct {
	batches                 located[[]located[string]]
	pause                   located[time.Duration]
	validate                located[scriptFile]
	maxFailures, minHealthy located[string]
	alarm                   located[string]
}

type outputFile struct{ logGroup, bucket, prefix located[string] }

type recordFile struct {
	bucket, account, region located[string]
	lease                   located[time.Duration]
}

type permissionFile struct {
	actions, resources located[[]located[string]]
}

// The bounds of a rollout's pause and of a lock's lease.
const (
	minPause = time.Second
	maxPause = 24 * time.Hour
	minLease = 5 * time.Second
	maxLease = 15 * time.Minute
)

// maxBatches bounds the sizes that a file can list; the last is repeated in any case.
const maxBatches = 20

var (
	onFailure = rule{is: "what to do", example: "rollback", enum: []string{string(Stop), string(Rollback)}}
	// EC2 puts the name into a tag, and Run Command finds the members by it. uncertain: a name with other characters
	// than tags may have, so it is refused.
	groupName = rule{
		is:      "the name of an Auto Scaling group: letters, digits, spaces and _ . / = + - @, from 1 to 255",
		example: "shop-web", filled: true, check: safeText, pattern: expr(`^[\p{L}\p{Z}\p{N}_./=+\-@]{1,255}$`),
	}
	userName = rule{
		is: "a user name of small letters, digits, - and _, at most 32", example: "deploy",
		pattern: expr(`^[a-z_][a-z0-9_-]{0,31}$`),
	}
	nodeDirectory = rule{is: "an absolute path on the node", example: "/srv/shop", check: absolutePath}
	batchSize     = rule{
		is: "a number of nodes from 1, or a percentage from 1% to 100%", example: "25%", pattern: maxConcurrency.pattern,
	}
	failureCount = rule{is: maxErrorCount.is, example: `"0"`, pattern: maxErrorCount.pattern}
	healthyCount = rule{is: maxErrorCount.is, example: "75%", pattern: maxErrorCount.pattern}
	// CloudWatch's model: AlarmName, 1 to 255. No control characters.
	alarmName = rule{
		is: "the name of a CloudWatch alarm, at most 255 characters", example: "shop-errors", check: safeText,
		pattern: expr(`^[^\x00-\x1f\x7f]{1,255}$`),
	}
	// SendCommand's model: CloudWatchLogGroupName.
	logGroupName = rule{
		is: "a log group: letters, digits and . - _ / #, at most 512", example: "/shop/deploy", check: safeText,
		pattern: expr(`^[.\-_/#A-Za-z0-9]{1,512}$`),
	}
	bucketName = rule{
		is: "a bucket: small letters, digits, dots and dashes, from 3 to 63", example: "shop-slipway", check: bucketShape,
		pattern: expr(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`),
	}
	// SendCommand takes a prefix of at most 500 characters. uncertain: which of them IAM and the agent read alike, so
	// only plain ones are taken.
	keyPrefix = rule{
		is: "a prefix of keys: letters, digits and . _ / = -, at most 500, without a / at either end", example: "deploys",
		check:   safeText,
		pattern: expr(`^[A-Za-z0-9._=-](?:[A-Za-z0-9._/=-]{0,498}[A-Za-z0-9._=-])?$`),
	}
	actionName = rule{
		is: "an action of AWS, service:Operation, without wildcards", example: "ssm:GetParameter",
		pattern: expr(`^[a-z0-9-]+:[A-Za-z0-9]+$`),
	}
	resourceName = rule{
		is: "an ARN, or what follows the account in one, without spaces", example: "parameter/shop/*",
		pattern: expr(`^[^\s\x00-\x1f\x7f]{1,1000}$`), check: resourceShape,
	}
)

// absolutePath is a path that begins with / and goes nowhere upwards.
func absolutePath(dir string) (problem, hint string) {
	const example = "for example /srv/shop"
	switch {
	case !path.IsAbs(dir):
		return quote(dir) + " is not an absolute path", example
	case path.Clean(dir) != strings.TrimSuffix(dir, "/") && dir != "/":
		return quote(dir) + " is not written out", "write " + path.Clean(dir)
	case len(dir) > 1000:
		return "it has more than 1000 characters", example
	}
	return safeText(dir)
}

// bucketShape refuses what S3's rules for the names of general purpose buckets refuse beyond their characters.
func bucketShape(name string) (problem, hint string) {
	_, err := netip.ParseAddr(name)
	switch {
	case strings.Contains(name, ".."):
		return quote(name) + " has two dots in a row", ""
	case err == nil:
		return quote(name) + " has the form of an IP address", ""
	}
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, prefix) {
			return quote(name) + " begins with " + prefix + ", which S3 reserves", ""
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an"} {
		if strings.HasSuffix(name, suffix) {
			return quote(name) + " ends with " + suffix + ", which S3 reserves", ""
		}
	}
	return "", ""
}

// resourceShape: a policy variable or a secret is not meant to be in an ARN.
func resourceShape(arn string) (problem, hint string) {
	if hasVariable(arn) {
		return "${ would be a policy variable of IAM", "write the resource out"
	}
	return safeText(arn)
}

var recordTable = mapping[recordFile]{
	label: "record", example: "{bucket: shop-slipway}",
	fields: []field[recordFile]{
		required("bucket", text(bucketName), func(r *recordFile) *located[string] { return &r.bucket },
			"The bucket, which must be there. slipway writes below <app>/ and deletes nothing."),
		optional("account", text(shortName), func(r *recordFile) *located[string] { return &r.account },
			"the stages' account, where they have one in common",
			"The account that owns the bucket: a name under accounts. Of another account than the stages', the bucket's "+
				"policy is rendered with the roles."),
		optional("region", text(regionName), func(r *recordFile) *located[string] { return &r.region },
			"the release's region", "Region of the bucket."),
		optional("lease", duration(minLease, maxLease, "5s to 15m", "2m", "a lease has 5s to 15m, not "),
			func(r *recordFile) *located[time.Duration] { return &r.lease }, "2m",
			"How long a lock outlives a slipway that died; it is renewed while a deploy lives."),
	},
}

var permissionTable = mapping[permissionFile]{
	label: "a permission",
	fields: []field[permissionFile]{
		required("actions", list(text(actionName), 50, "actions", "[ssm:GetParameter]", ""),
			func(p *permissionFile) *located[[]located[string]] { return &p.actions },
			"Actions of AWS, service:Operation, each written out."),
		required("resources", list(text(resourceName), 50, "resources", "[parameter/shop/*]", ""),
			func(p *permissionFile) *located[[]located[string]] { return &p.resources },
			`ARNs, or what follows the account in them; "*" only for actions that AWS defines no resource for. What would let them write the `+
				`record, below the app's name in its bucket, is refused.`),
	},
}

var rolloutTable = mapping[rolloutFile]{
	label: "rollout", example: "{batches: [1, 25%, 100%], pause: 30s}",
	fields: []field[rolloutFile]{
		optional("batches", list(text(batchSize), maxBatches, "batch sizes", "[1, 25%, 100%]", ""),
			func(r *rolloutFile) *located[[]located[string]] { return &r.batches }, "all nodes at once",
			"How many nodes each batch has: a number, or a percentage of all nodes (rounded down, at least one). The last "+
				"is repeated until every node is done."),
		optional("pause", duration(minPause, maxPause, "1s to 24h", "30s", "a pause has 1s to 24h, not "),
			func(r *rolloutFile) *located[time.Duration] { return &r.pause }, "none",
			"How long to wait after a batch, before it is validated and the next begins."),
		optional("validate", checkTable.typ(), func(r *rolloutFile) *located[scriptFile] { return &r.validate }, "",
			"A script that runs on the nodes of a batch after the pause; the next batch begins when it succeeded. Not "+
				"with document."),
		optional("max-failures", text(failureCount), func(r *rolloutFile) *located[string] { return &r.maxFailures },
			"max-errors", "How many nodes may fail before no more are begun: a number, or a percentage."),
		optional("min-healthy", text(healthyCount), func(r *rolloutFile) *located[string] { return &r.minHealthy },
			"none", "How many nodes must stay in service, neither being shipped to nor failed: a number, or a percentage."),
		optional("alarm", text(alarmName), func(r *rolloutFile) *located[string] { return &r.alarm }, "none",
			"A CloudWatch alarm that stops the rollout."),
	},
}

var outputTable = mapping[outputFile]{
	label: "output", example: "{log-group: /shop/deploy}",
	fields: []field[outputFile]{
		optional("log-group", text(logGroupName), func(o *outputFile) *located[string] { return &o.logGroup }, "",
			"Log group of CloudWatch Logs. What scripts print is shown while they run."),
		optional("bucket", text(bucketName), func(o *outputFile) *located[string] { return &o.bucket }, "",
			"Bucket of the stage's account. That of the record only with a prefix that is not the app's: nodes must not write the record."),
		optional("prefix", text(keyPrefix), func(o *outputFile) *located[string] { return &o.prefix }, "none",
			"Prefix of the objects' keys; only with bucket."),
	},
}

// scriptTable is a script with its own limits.
func scriptTable(label, timeoutDefault string) mapping[scriptFile] {
	return mapping[scriptFile]{
		label: label,
		fields: []field[scriptFile]{
			required("script", text(scriptPath), func(s *scriptFile) *located[string] { return &s.script },
				"Shell script beside the release file, or in a folder below."),
			optional("timeout", timeout("1m"), func(s *scriptFile) *located[time.Duration] { return &s.timeout },
				timeoutDefault, "How long it may run, from 5s to 48h."),
			optional("run-as", text(userName), func(s *scriptFile) *located[string] { return &s.runAs },
				"the command's", "User that it runs as on the node."),
			optional("working-directory", text(nodeDirectory),
				func(s *scriptFile) *located[string] { return &s.workingDirectory }, "the command's",
				"Directory on the node that it starts in."),
		},
	}
}

var (
	stopTable     = scriptTable("stop", "the command's")
	installTable  = scriptTable("install", "the command's")
	startTable    = scriptTable("start", "the command's")
	validateTable = scriptTable("validate", "10m")
	checkTable    = scriptTable("the rollout's validate", "10m")
)
