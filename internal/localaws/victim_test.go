package localaws_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	victimAccount = "111111111111"
	otherAccount  = "222222222222"
	victimRegion  = "eu-west-1"
	victimNode    = "i-0aaaaaaaaaaaaaaaa"
	// marker is in every text of the victim's; nobody else may ever see it.
	marker = "marker-7f3a9c"
)

// victim is a local AWS with one account that has something of everything, for tests of what others can do to it.
type victim struct {
	aws   *localaws.AWS
	dir   string
	admin caller
	// nobody is a user of the account without any policy; other is the administrator of another account.
	nobody, other caller
	command       string            // the id of a command that has run
	names         map[string]string // what ${name} stands for in the corpus
}

const victimNodePolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ssm:ListInstanceAssociations","ssmmessages:*","ec2messages:*"],"Resource":"*"}]}`

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{dir: t.TempDir()}
	v.aws = open(t, v.dir)
	if err := v.aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	v.admin = callerOf(t, v.aws, victimAccount, victimRegion)
	v.other = callerOf(t, v.aws, otherAccount, victimRegion)
	v.machine(t)
	v.identities(t)
	v.documents(t)
	v.stored(t)
	v.bucket(t)
	v.names = map[string]string{"account": victimAccount, "other": otherAccount, "region": victimRegion, "instance": victimNode, "command": v.command}
	return v
}

// machine is a node with a role and an instance profile.
func (v *victim) machine(t *testing.T) {
	t.Helper()
	err := v.aws.PutRole(t.Context(), iam.RoleSpec{Account: victimAccount, Name: "node", Trust: []byte(ec2Trust), InstanceProfile: true,
		Policies: map[string][]byte{"node": []byte(victimNodePolicy)}, Tags: []iam.Tag{{Key: "Note", Value: marker}}})
	if err == nil {
		err = v.aws.Launch(t.Context(), ec2.Instance{ID: victimNode, Account: victimAccount, Region: victimRegion,
			Tags: map[string]string{"App": "shop", "Name": marker}, ProfileARN: "arn:aws:iam::" + victimAccount + ":instance-profile/node"})
	}
	if err == nil {
		err = v.aws.StartNodes(t.Context())
	}
	if err == nil {
		err = v.aws.AwaitNodes(t.Context(), 30*time.Second)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (v *victim) identities(t *testing.T) {
	t.Helper()
	a := v.admin
	a.must(t, "iam", "CreateUser", "UserName=nobody&Path=/"+marker+"/")
	key := a.must(t, "iam", "CreateAccessKey", "UserName=nobody")
	v.nobody = a
	v.nobody.cred = sigv4.Credentials{AccessKeyID: between(t, key, "<AccessKeyId>", "<"), SecretAccessKey: between(t, key, "<SecretAccessKey>", "<")}
	a.must(t, "iam", "PutUserPolicy", form("UserName", "nobody", "PolicyName", "inline", "PolicyDocument", onlyDeny))
	a.must(t, "iam", "CreateRole", form("RoleName", "deploy", "Description", marker, "AssumeRolePolicyDocument", accountTrust))
	a.must(t, "iam", "PutRolePolicy", form("RoleName", "deploy", "PolicyName", "inline", "PolicyDocument", onlyDeny))
	a.must(t, "iam", "CreatePolicy", form("PolicyName", "managed", "Description", marker, "PolicyDocument", onlyDeny))
	a.must(t, "iam", "AttachRolePolicy", form("RoleName", "deploy", "PolicyArn", "arn:aws:iam::"+victimAccount+":policy/managed"))
	a.must(t, "iam", "CreateOpenIDConnectProvider", form("Url", "https://"+marker+".example.com", "ClientIDList.member.1", marker))
}

const (
	onlyDeny     = `{"Version":"2012-10-17","Statement":[{"Sid":"` + "Marker7f3a9c" + `","Effect":"Deny","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::` + marker + `"}]}`
	accountTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + victimAccount + `:root"},"Action":"sts:AssumeRole"}]}`
	echoDocument = `{"schemaVersion":"2.2","description":"` + marker + `","parameters":{"Version":{"type":"String","allowedPattern":"^v[0-9]+$"}},` +
		`"mainSteps":[{"action":"aws:runShellScript","name":"release","inputs":{"runCommand":["echo ` + marker + `"]}}]}`
)

func (v *victim) documents(t *testing.T) {
	t.Helper()
	v.admin.must(t, "ssm", "CreateDocument", object("Name", "shop-release", "DocumentType", "Command", "Content", echoDocument))
	sent := v.admin.must(t, "ssm", "SendCommand", `{"DocumentName":"shop-release","InstanceIds":["`+victimNode+`"],"Parameters":{"Version":["v1"]},"Comment":"`+marker+`"}`)
	v.command = decode[struct{ Command struct{ CommandId string } }](t, sent).Command.CommandId
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got := v.admin.ask(t, "ssm", "ListCommands", object("CommandId", v.command)) // the invocation shows its only step first
		if strings.Contains(got.body, `"Status":"Success"`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the victim's command does not end: %s", got.body)
		}
	}
}

// stored is what the services hold that keep data: a log with an event, a secret.
func (v *victim) stored(t *testing.T) {
	t.Helper()
	a := v.admin
	a.must(t, "logs", "CreateLogGroup", `{"logGroupName":"/shop/deploy","tags":{"Note":"`+marker+`"}}`)
	a.must(t, "logs", "CreateLogStream", object("logGroupName", "/shop/deploy", "logStreamName", "stream"))
	a.must(t, "logs", "PutLogEvents", `{"logGroupName":"/shop/deploy","logStreamName":"stream","logEvents":[{"timestamp":`+millis(time.Now())+`,"message":"`+marker+`"}]}`)
	a.must(t, "ssm", "PutParameter", object("Name", "/shop/secret", "Type", "SecureString", "Value", marker, "Description", marker))
	a.must(t, "monitoring", "PutMetricAlarm", form("AlarmName", "errors", "AlarmDescription", marker, "MetricName", "errors", "Namespace", "shop", "Statistic", "Sum",
		"Period", "60", "EvaluationPeriods", "1", "Threshold", "1.5", "ComparisonOperator", "GreaterThanThreshold"))
	a.must(t, "ssm", "PutParameter", object("Name", "/shop/plain", "Type", "String", "Value", marker))
}

// volatile tables change by themselves, or by every request.
var volatile = []string{"event", "last", "used", "ssm_node", "sqlite_", "ssm_message"}

// rows gives what the state holds, row by row, without the volatile tables.
func (v *victim) rows(t *testing.T) map[string]int {
	t.Helper()
	db, err := store.Open(v.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tables := column(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	all := map[string]int{}
	for _, table := range tables {
		if slices.ContainsFunc(volatile, func(part string) bool { return strings.Contains(table, part) }) {
			continue
		}
		found, err := db.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`)
		if err != nil {
			t.Fatal(err)
		}
		names, err := found.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for found.Next() {
			values, places := make([]any, len(names)), make([]any, len(names))
			for i := range values {
				places[i] = &values[i]
			}
			if err := found.Scan(places...); err != nil {
				t.Fatal(err)
			}
			all[table+": "+fmt.Sprintf("%.400s", fmt.Sprint(values))+digest(fmt.Sprint(values))]++
		}
		if err := found.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 15 {
		t.Fatalf("only %d rows of state: the test looks in the wrong place", len(all))
	}
	return all
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return " #" + hex.EncodeToString(sum[:6])
}

func column(t *testing.T, db *store.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// lost lists the rows that are in before and not in after.
func lost(before, after map[string]int) []string {
	var out []string
	for _, row := range slices.Sorted(maps.Keys(before)) {
		if after[row] < before[row] {
			out = append(out, row)
		}
	}
	return out
}

// form writes names and values as a Query form.
func form(pairs ...string) string {
	values := []string{}
	for i := 0; i < len(pairs); i += 2 {
		values = append(values, pairs[i]+"="+url.QueryEscape(pairs[i+1]))
	}
	return strings.Join(values, "&")
}

// object writes names and values as a JSON object of strings.
func object(pairs ...string) string {
	members := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		members[pairs[i]] = pairs[i+1]
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(text)
}

func between(t *testing.T, text, begin, end string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, begin)
	out, _, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("no %s in %s", begin, text)
	}
	return out
}
