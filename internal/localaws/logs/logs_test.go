package logs_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/logs"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
	all     = `{"Effect":"Allow","Action":"*","Resource":"*"}`
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// principals are users by access key, account:name, and the statements that their policies consist of.
type principals map[string]string

func (principals) Credential(_ context.Context, key string) (gateway.Credential, bool, error) {
	id, name, _ := strings.Cut(key, ":")
	return gateway.Credential{Secret: "s", Caller: gateway.Caller{Principal: iam.Principal{
		ARN: "arn:aws:iam::" + id + ":user/" + name, Account: id}}}, true, nil
}

func (p principals) Policies(_ context.Context, c gateway.Caller) (*iam.PolicySet, error) {
	name := c.ARN[strings.LastIndexByte(c.ARN, '/')+1:]
	policy, err := iam.ParsePolicy(name, []byte(`{"Version":"2012-10-17","Statement":[`+p[name]+`]}`))
	return &iam.PolicySet{Identity: []*iam.Policy{policy}}, err
}

type recorder struct{ events []gateway.Event }

func (r *recorder) Record(_ context.Context, e gateway.Event) error {
	r.events = append(r.events, e)
	return nil
}

type world struct {
	t        testing.TB
	gw       *gateway.Gateway
	clock    time.Time
	recorded recorder
	who      string
}

func newWorld(t testing.TB, who principals) *world {
	t.Helper()
	w := &world{t: t, clock: start, who: account + ":admin"}
	who["admin"] = all
	db, err := store.Open("")
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	s, err := logs.New(db, func() time.Time { return w.clock })
	must(t, err)
	w.gw = gateway.New(gateway.Config{Directory: who, Events: &w.recorded, Now: func() time.Time { return start }, Rand: rand.Reader,
		OnError: func(err error) { t.Error(err) }})
	must(t, w.gw.Register(s.API()))
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// as is the same world for another user.
func (w *world) as(who string) *world {
	other := *w
	if other.who = who; !strings.Contains(who, ":") {
		other.who = account + ":" + who
	}
	return &other
}

// do calls an operation; the code is empty when it succeeds.
func (w *world) do(operation, body string) (code, answer string) {
	w.t.Helper()
	r := httptest.NewRequest("POST", "http://127.0.0.1/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: w.who, SecretAccessKey: "s"}, region, "logs", start)
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	return rec.Header().Get("X-Amzn-Errortype"), rec.Body.String()
}

func (w *world) ok(operation, body string) string {
	w.t.Helper()
	code, answer := w.do(operation, body)
	if code != "" {
		w.t.Fatalf("%s %.200s: %s", operation, body, answer)
	}
	return answer
}

func (w *world) fails(operation, body, code string) {
	w.t.Helper()
	if got, answer := w.do(operation, body); got != code {
		w.t.Errorf("%s %.200s: got %s %.200s, want %s", operation, body, got, answer, code)
	}
}

// put writes messages into the stream s of the group g, at the times t0, t0+1 and so on.
func (w *world) put(group, stream string, t0 int64, messages ...string) string {
	w.t.Helper()
	events := []map[string]any{}
	for i, m := range messages {
		events = append(events, map[string]any{"timestamp": t0 + int64(i), "message": m})
	}
	body, err := json.Marshal(map[string]any{"logGroupName": group, "logStreamName": stream, "logEvents": events})
	must(w.t, err)
	return w.ok("PutLogEvents", string(body))
}

func (w *world) stream(group, stream string) {
	w.t.Helper()
	w.do("CreateLogGroup", fmt.Sprintf(`{"logGroupName":%q}`, group))
	w.ok("CreateLogStream", fmt.Sprintf(`{"logGroupName":%q,"logStreamName":%q}`, group, stream))
}

type page struct {
	Events []struct {
		Message, LogStreamName, EventID string
		Timestamp, IngestionTime        int64
	}
	NextForwardToken, NextBackwardToken, NextToken string
}

func (p page) messages() string {
	var all []string
	for _, e := range p.Events {
		all = append(all, e.Message)
	}
	return strings.Join(all, " ")
}

func (w *world) read(operation, body string) page {
	w.t.Helper()
	var p page
	must(w.t, json.Unmarshal([]byte(w.ok(operation, body)), &p))
	return p
}

func ms(t time.Time) int64 { return t.UnixMilli() }

func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, principals{})
	w.ok("CreateLogGroup", `{"logGroupName":"/shop/deploy","tags":{"App":"shop"}}`)
	w.fails("CreateLogGroup", `{"logGroupName":"/shop/deploy"}`, "ResourceAlreadyExistsException")
	w.as("222222222222:admin").ok("CreateLogGroup", `{"logGroupName":"/shop/deploy"}`)
	for body, code := range map[string]string{
		`{}`: "InvalidParameterException", `{"logGroupName":"a b"}`: "InvalidParameterException", `{"logGroupName":"aws/x"}`: "InvalidParameterException",
		`{"logGroupName":"x","kmsKeyId":"k"}`:                   "InvalidParameterException",
		`{"logGroupName":"x","logGroupClass":"DELIVERY"}`:       "InvalidParameterException",
		`{"logGroupName":"x","tags":{"aws:x":"y"}}`:             "InvalidParameterException",
		`{"logGroupName":"x","tags":{"a":"é!"}}`:                "InvalidParameterException",
		`{"logGroupIdentifier":"x"}`:                            "InvalidParameterException",
		`{"logGroupName":"x","deletionProtectionEnabled":true}`: "InvalidParameterException",
	} {
		w.fails("CreateLogGroup", body, code)
	}
	w.ok("CreateLogGroup", `{"logGroupName":"/other"}`)
	w.ok("PutRetentionPolicy", `{"logGroupName":"/other","retentionInDays":7}`)
	w.fails("PutRetentionPolicy", `{"logGroupName":"/other","retentionInDays":8}`, "InvalidParameterException")
	w.fails("PutRetentionPolicy", `{"logGroupName":"/none","retentionInDays":7}`, "ResourceNotFoundException")
	want := `{"logGroups":[{"logGroupName":"/other","creationTime":1795867200000,"retentionInDays":7,"metricFilterCount":0,` +
		`"arn":"arn:aws:logs:eu-west-1:111111111111:log-group:/other:*","storedBytes":0,"logGroupClass":"STANDARD","logGroupArn":"arn:aws:logs:eu-west-1:111111111111:log-group:/other"}],"nextToken":"MTovb3RoZXI"}`
	if diff := cmp.Diff(want, w.ok("DescribeLogGroups", `{"limit":1}`)); diff != "" {
		t.Error(diff)
	}
	for body, name := range map[string]string{`{"nextToken":"MTovb3RoZXI"}`: "/shop/deploy", `{"logGroupNamePrefix":"/o"}`: "/other", `{"logGroupNamePattern":"deploy"}`: "/shop/deploy"} {
		if got := w.ok("DescribeLogGroups", body); strings.Count(got, "creationTime") != 1 || !strings.Contains(got, `"`+name+`"`) {
			t.Errorf("%s: %s", body, got)
		}
	}
	w.fails("DescribeLogGroups", `{"logGroupNamePrefix":"a","logGroupNamePattern":"b"}`, "InvalidParameterException")
	w.fails("DescribeLogGroups", `{"limit":51}`, "InvalidParameterException")
	w.fails("DescribeLogGroups", `{"nextToken":"x"}`, "InvalidParameterException")
	w.ok("DeleteRetentionPolicy", `{"logGroupName":"/other"}`)
	w.ok("DeleteLogGroup", `{"logGroupName":"/other"}`)
	w.fails("DeleteLogGroup", `{"logGroupName":"/other"}`, "ResourceNotFoundException")
	if got := w.as("222222222222:admin").ok("DescribeLogGroups", `{}`); strings.Count(got, "creationTime") != 1 {
		t.Error("another account's groups:", got)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, principals{})
	w.ok("CreateLogGroup", `{"logGroupName":"g","tags":{"App":"shop"}}`)
	arn := `"resourceArn":"arn:aws:logs:eu-west-1:111111111111:log-group:g"`
	w.ok("TagResource", `{`+arn+`,"tags":{"Env":"dev","App":"blog"}}`)
	w.ok("TagLogGroup", `{"logGroupName":"g","tags":{"Old":"1"}}`)
	if got := w.ok("ListTagsForResource", `{`+arn+`}`); got != `{"tags":{"App":"blog","Env":"dev","Old":"1"}}` {
		t.Error(got)
	}
	w.ok("UntagResource", `{`+arn+`,"tagKeys":["Env","None"]}`)
	w.ok("UntagLogGroup", `{"logGroupName":"g","tags":["Old"]}`)
	if got := w.ok("ListTagsLogGroup", `{"logGroupName":"g"}`); got != `{"tags":{"App":"blog"}}` {
		t.Error(got)
	}
	w.fails("ListTagsForResource", `{"resourceArn":"arn:aws:logs:eu-west-1:111111111111:log-group:none"}`, "ResourceNotFoundException")
	w.fails("ListTagsForResource", `{"resourceArn":"arn:aws:logs:eu-west-1:111111111111:log-group:g:*"}`, "InvalidParameterException")
	w.fails("ListTagsForResource", `{"resourceArn":"arn:aws:logs:eu-west-1:111111111111:destination:d"}`, "InvalidParameterException")
	w.fails("TagResource", `{`+arn+`}`, "InvalidParameterException")
	w.as("222222222222:admin").fails("ListTagsForResource", `{`+arn+`}`, "AccessDeniedException")
}

// TestAccess: each action on the ARN that AWS checks it on, which decides whether a policy's ARN needs :* at its end.
func TestAccess(t *testing.T) {
	t.Parallel()
	allow := func(actions, resource string) string {
		return `{"Effect":"Allow","Action":["` + strings.ReplaceAll(actions, ",", `","`) + `"],"Resource":"arn:aws:logs:eu-west-1:111111111111:` + resource + `"}`
	}
	w := newWorld(t, principals{
		"group":  allow("logs:*", "log-group:g:*"),
		"bare":   allow("logs:*", "log-group:g"),
		"stream": allow("logs:*", "log-group:g:log-stream:mine*"),
		"app":    `{"Effect":"Allow","Action":"logs:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/App":"shop"}}}`,
		"tagger": allow("logs:CreateLogGroup", "log-group:*") + "," + allow("logs:TagResource", "log-group:t*"),
		"older":  allow("logs:CreateLogGroup,logs:TagLogGroup", "log-group:*"),
		"maker":  allow("logs:CreateLogGroup", "log-group:*"),
		"lister": allow("logs:DescribeLogGroups", "log-group:*"),
		"agent":  allow("logs:CreateLogStream,logs:PutLogEvents,logs:DescribeLogStreams", "log-group:g:*"),
	})
	w.stream("g", "s")
	w.stream("shop", "s")
	w.ok("TagLogGroup", `{"logGroupName":"shop","tags":{"App":"shop"}}`)
	now := ms(start)
	group, one := `{"logGroupName":"g"}`, `{"logGroupName":"g","logStreamName":"s"}`
	put := fmt.Sprintf(`{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":%d,"message":"m"}]}`, now)
	arn := `{"resourceArn":"arn:aws:logs:eu-west-1:111111111111:log-group:g"}`
	const denied = "AccessDeniedException"
	for _, tc := range []struct{ who, operation, body, code string }{
		{"group", "DescribeLogStreams", group, ""}, {"bare", "DescribeLogStreams", group, denied}, {"stream", "DescribeLogStreams", group, denied},
		{"group", "FilterLogEvents", group, ""}, {"bare", "FilterLogEvents", group, denied},
		{"group", "GetLogEvents", one, ""}, {"bare", "GetLogEvents", one, denied}, {"stream", "GetLogEvents", one, denied},
		{"stream", "CreateLogStream", `{"logGroupName":"g","logStreamName":"mine/1"}`, ""}, {"stream", "GetLogEvents", `{"logGroupName":"g","logStreamName":"mine/1"}`, ""},
		{"group", "PutLogEvents", put, ""}, {"bare", "PutLogEvents", put, denied}, {"agent", "PutLogEvents", put, ""}, {"agent", "GetLogEvents", one, denied},
		{"group", "ListTagsForResource", arn, denied}, {"bare", "ListTagsForResource", arn, ""},
		{"app", "DescribeLogStreams", group, denied}, {"app", "DescribeLogStreams", `{"logGroupName":"shop"}`, ""}, {"app", "DescribeLogGroups", `{}`, denied},
		{"lister", "DescribeLogGroups", `{}`, ""}, {"group", "DescribeLogGroups", `{}`, denied}, {"nobody", "DescribeLogGroups", `{}`, denied},
		{"maker", "CreateLogGroup", `{"logGroupName":"t1","tags":{"a":"b"}}`, denied}, {"maker", "CreateLogGroup", `{"logGroupName":"t2"}`, ""},
		{"tagger", "CreateLogGroup", `{"logGroupName":"t3","tags":{"a":"b"}}`, ""}, {"tagger", "CreateLogGroup", `{"logGroupName":"u3","tags":{"a":"b"}}`, denied},
		{"older", "CreateLogGroup", `{"logGroupName":"u4","tags":{"a":"b"}}`, ""},
		{"222222222222:admin", "FilterLogEvents", `{"logGroupIdentifier":"arn:aws:logs:eu-west-1:111111111111:log-group:g"}`, denied},
		{"222222222222:admin", "FilterLogEvents", group, "ResourceNotFoundException"},
		{"nobody", "DeleteLogGroup", `{"logGroupName":"none"}`, denied},
	} {
		w.as(tc.who).fails(tc.operation, tc.body, tc.code)
	}
	if _, text := w.as("nobody").do("CreateLogGroup", group); !strings.Contains(text, "on resource: arn:aws:logs:eu-west-1:111111111111:log-group:g:log-stream: because") {
		t.Error(text)
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, principals{})
	for _, name := range []string{"b", "a", "c/1", "c/2"} {
		w.stream("g", name)
	}
	now := ms(start)
	w.put("g", "a", now-5, "x")
	w.put("g", "c/1", now-9, "x", "y")
	names := func(body string) (string, string) {
		var out struct {
			LogStreams []struct{ LogStreamName string }
			NextToken  string
		}
		must(t, json.Unmarshal([]byte(w.ok("DescribeLogStreams", body)), &out))
		var all []string
		for _, s := range out.LogStreams {
			all = append(all, s.LogStreamName)
		}
		return strings.Join(all, " "), out.NextToken
	}
	for body, want := range map[string]string{
		`{"logGroupName":"g"}`: "a b c/1 c/2", `{"logGroupName":"g","descending":true}`: "c/2 c/1 b a", `{"logGroupName":"g","logStreamNamePrefix":"c/"}`: "c/1 c/2",
		`{"logGroupName":"g","orderBy":"LastEventTime","descending":true}`: "a c/1 c/2 b", `{"logGroupIdentifier":"arn:aws:logs:eu-west-1:111111111111:log-group:g"}`: "a b c/1 c/2",
	} {
		if got, _ := names(body); got != want {
			t.Errorf("%s: %s", body, got)
		}
		first, token := names(strings.TrimSuffix(body, "}") + `,"limit":1}`)
		rest, _ := names(strings.TrimSuffix(body, "}") + `,"nextToken":"` + token + `"}`)
		if got := first + " " + rest; got != want {
			t.Errorf("%s in two pages: %s", body, got)
		}
	}
	if got := w.ok("DescribeLogStreams", `{"logGroupName":"g","logStreamNamePrefix":"c/1"}`); !strings.Contains(got, fmt.Sprintf(`"firstEventTimestamp":%d,"lastEventTimestamp":%d,"lastIngestionTime":%d`, now-9, now-8, now)) {
		t.Error(got)
	}
	w.fails("CreateLogStream", `{"logGroupName":"g","logStreamName":"a"}`, "ResourceAlreadyExistsException")
	w.fails("CreateLogStream", `{"logGroupName":"g","logStreamName":"a:b"}`, "InvalidParameterException")
	w.fails("CreateLogStream", `{"logGroupName":"none","logStreamName":"a"}`, "ResourceNotFoundException")
	w.fails("DescribeLogStreams", `{"logGroupName":"g","orderBy":"LastEventTime","logStreamNamePrefix":"a"}`, "InvalidParameterException")
	w.fails("DescribeLogStreams", `{"logGroupName":"g","orderBy":"Size"}`, "InvalidParameterException")
	w.fails("DescribeLogStreams", `{"logGroupName":"g","logGroupIdentifier":"g"}`, "InvalidParameterException")
	w.ok("DeleteLogStream", `{"logGroupName":"g","logStreamName":"a"}`)
	w.fails("DeleteLogStream", `{"logGroupName":"g","logStreamName":"a"}`, "ResourceNotFoundException")
	w.ok("CreateLogStream", `{"logGroupName":"g","logStreamName":"a"}`)
	if p := w.read("GetLogEvents", `{"logGroupName":"g","logStreamName":"a"}`); len(p.Events) > 0 {
		t.Error("a new stream has the events of its predecessor")
	}
}

func TestPutRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, principals{})
	w.stream("g", "s")
	now := ms(start)
	event := func(at int64, message string) string {
		text, err := json.Marshal(message)
		must(t, err)
		return fmt.Sprintf(`{"timestamp":%d,"message":%s}`, at, text)
	}
	body := func(events ...string) string {
		return `{"logGroupName":"g","logStreamName":"s","logEvents":[` + strings.Join(events, ",") + `]}`
	}
	many := make([]string, 10001)
	for i := range many {
		many[i] = event(now, "m")
	}
	half := strings.Repeat("x", 1<<19)
	for name, tc := range map[string]string{
		"none": body(), "no time": body(`{"message":"m"}`), "empty": body(event(now, "")), "before 1970": body(event(-1, "m")),
		"not in order": body(event(now, "m"), event(now-1, "m")), "a day apart": body(event(now-86400001, "m"), event(now, "m")),
		"too many": body(many...), "too large": body(event(now, half+half)), "too large together": body(event(now, half), event(now, half)),
	} {
		if code, text := w.do("PutLogEvents", tc); code != "InvalidParameterException" {
			t.Errorf("%s: %s %.200s", name, code, text)
		}
	}
	w.fails("PutLogEvents", strings.Replace(body(event(now, "m")), `"s"`, `"none"`, 1), "ResourceNotFoundException")
	w.fails("PutLogEvents", strings.Replace(body(event(now, "m")), `"g"`, `"none"`, 1), "ResourceNotFoundException")
	if p := w.read("GetLogEvents", `{"logGroupName":"g","logStreamName":"s"}`); len(p.Events) > 0 {
		t.Errorf("%d events of refused batches", len(p.Events))
	}
	w.ok("PutLogEvents", body(event(now, half[:1<<19-26]), event(now, strings.Repeat("\u0001", 1<<19-26)))) // as large as a batch may be
	if p := w.read("GetLogEvents", `{"logGroupName":"g","logStreamName":"s","startFromHead":true}`); len(p.Events) != 2 || p.Events[1].Message[0] != 1 {
		t.Error("a full batch does not come back")
	}
	for _, e := range w.recorded.events {
		if strings.Contains(string(e.RequestParameters), "xxx") {
			t.Fatal("the event log holds log events")
		}
	}
}

// TestRejected: what is too old or too new is left out, and the answer says from where on.
func TestRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, principals{})
	w.stream("g", "s")
	now, day := ms(start), int64(86400000)
	put := func(times ...int64) string {
		var events []string
		for _, at := range times {
			events = append(events, fmt.Sprintf(`{"timestamp":%d,"message":"m%d"}`, at, at))
		}
		var out struct{ RejectedLogEventsInfo json.RawMessage }
		must(t, json.Unmarshal([]byte(w.ok("PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[`+strings.Join(events, ",")+`]}`)), &out))
		return string(out.RejectedLogEventsInfo)
	}
	for name, tc := range map[string]struct{ got, want string }{
		"all good": {put(now-1, now), ""},
		"old":      {put(now-15*day, now-14*day-1, now), `{"tooOldLogEventEndIndex":2}`},
		"new":      {put(now, now+7200001, now+9000000), `{"tooNewLogEventStartIndex":1}`},
		"both":     {put(now-15*day, now, now+7200001), `{"tooNewLogEventStartIndex":2,"tooOldLogEventEndIndex":1}`},
		"only old": {put(now-15*day, now-15*day), `{"tooOldLogEventEndIndex":2}`},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %s", name, tc.got)
		}
	}
	if p := w.read("GetLogEvents", `{"logGroupName":"g","logStreamName":"s"}`); len(p.Events) != 5 {
		t.Error(p.messages())
	}
	w.ok("PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":1}`)
	if got := put(now-2*day, now); got != `{"expiredLogEventEndIndex":1}` {
		t.Error(got)
	}
	w.clock = w.clock.Add(25 * time.Hour)
	if p := w.read("GetLogEvents", `{"logGroupName":"g","logStreamName":"s"}`); len(p.Events) != 0 {
		t.Error("events after their retention:", p.messages())
	}
	if p := w.read("FilterLogEvents", `{"logGroupName":"g"}`); len(p.Events) != 0 {
		t.Error("events after their retention:", p.messages())
	}
}

// TestGetPages walks through a stream in both directions, to the ends and on when something new has come.
func TestGetPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, principals{})
	w.stream("g", "s")
	now := ms(start)
	get := func(more string) page {
		return w.read("GetLogEvents", `{"logGroupName":"g","logStreamName":"s"`+more+`}`)
	}
	empty := get("")
	w.put("g", "s", now, "a", "b", "c", "d", "e")
	if p := get(`,"nextToken":"` + empty.NextForwardToken + `"`); p.messages() != "a b c d e" {
		t.Error("from the token of an empty stream:", p.messages())
	}
	last := get(`,"limit":2`)
	if last.messages() != "d e" {
		t.Error("the latest:", last.messages())
	}
	before := get(`,"limit":2,"nextToken":"` + last.NextBackwardToken + `"`)
	first := get(`,"limit":2,"nextToken":"` + before.NextBackwardToken + `"`)
	if got := first.messages() + " " + before.messages(); got != "a b c" {
		t.Error("backwards:", got)
	}
	begin := get(`,"nextToken":"` + first.NextBackwardToken + `"`)
	if len(begin.Events) > 0 || begin.NextBackwardToken != first.NextBackwardToken {
		t.Error("before the beginning:", begin)
	}
	if p := get(`,"nextToken":"` + begin.NextForwardToken + `"`); p.messages() != "a b c d e" {
		t.Error("forwards again:", p.messages())
	}
	head := get(`,"startFromHead":true,"limit":3`)
	next := get(`,"startFromHead":true,"nextToken":"` + head.NextForwardToken + `"`)
	end := get(`,"startFromHead":true,"nextToken":"` + next.NextForwardToken + `"`)
	if head.messages() != "a b c" || next.messages() != "d e" || len(end.Events) > 0 || end.NextForwardToken != next.NextForwardToken {
		t.Error("forwards:", head.messages(), next.messages(), end)
	}
	w.put("g", "s", now+5, "f")
	w.put("g", "s", now+4, "g") // as late as e, but after it
	if p := get(`,"startFromHead":true,"nextToken":"` + end.NextForwardToken + `"`); p.messages() != "g f" {
		t.Error("what has come meanwhile:", p.messages())
	}
	if p := get(`,"nextToken":"` + end.NextBackwardToken + `","limit":1`); p.messages() != "e" {
		t.Error("back from the end:", p.messages())
	}
	if p := get(fmt.Sprintf(`,"startTime":%d,"endTime":%d`, now+1, now+3)); p.messages() != "b c" {
		t.Error("a range:", p.messages())
	}
	for _, bad := range []string{`"nextToken":"x"`, `"nextToken":"f/1/s"`, `"limit":0`, `"limit":10001`, `"startTime":-1`} {
		w.fails("GetLogEvents", `{"logGroupName":"g","logStreamName":"s",`+bad+`}`, "InvalidParameterException")
	}
	w.fails("GetLogEvents", `{"logGroupName":"g","logStreamName":"none"}`, "ResourceNotFoundException")
}

func TestFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, principals{})
	w.stream("g", "out/1")
	w.stream("g", "out/2")
	w.stream("g", "err")
	now := ms(start)
	w.put("g", "out/1", now, "one", "three")
	w.put("g", "out/2", now+1, "two ERROR", "four")
	w.put("g", "err", now+9, "five ERROR fatal")
	filter := func(more string) page { return w.read("FilterLogEvents", `{"logGroupName":"g"`+more+`}`) }
	for more, want := range map[string]string{
		"":                                       "one|three|two ERROR|four|five ERROR fatal",
		`,"logStreamNames":["err","out/1"]`:      "one|three|five ERROR fatal",
		`,"logStreamNamePrefix":"out/"`:          "one|three|two ERROR|four",
		`,"filterPattern":"ERROR"`:               "two ERROR|five ERROR fatal",
		`,"filterPattern":"ERROR -fatal"`:        "two ERROR",
		fmt.Sprintf(`,"startTime":%d`, now+2):    "four|five ERROR fatal",
		fmt.Sprintf(`,"endTime":%d`, now+1):      "one|three|two ERROR",
		`,"interleaved":true,"filterPattern":""`: "one|three|two ERROR|four|five ERROR fatal",
	} {
		var got []string
		ids := map[string]bool{}
		for token := ""; ; {
			p := filter(more + `,"limit":2` + token)
			for _, e := range p.Events {
				got, ids[e.EventID] = append(got, e.Message), true
			}
			if p.NextToken == "" {
				break
			}
			token = `,"nextToken":"` + p.NextToken + `"`
		}
		if diff := cmp.Diff(want, strings.Join(got, "|")); diff != "" || len(ids) != len(got) {
			t.Errorf("%s: %d ids; %s", more, len(ids), diff)
		}
	}
	if p := filter(`,"logStreamNames":["err"]`); p.Events[0].LogStreamName != "err" || p.Events[0].Timestamp != now+9 || len(p.Events[0].EventID) != 56 {
		t.Error(p)
	}
	for _, bad := range []string{`"logStreamNames":["err"],"logStreamNamePrefix":"e"`, `"filterPattern":"{ $.a = 1 }"`, `"filterPattern":"[a, b]"`, `"filterPattern":"\"open"`, `"nextToken":"x"`, `"limit":0`} {
		w.fails("FilterLogEvents", `{"logGroupName":"g",`+bad+`}`, "InvalidParameterException")
	}
	w.fails("FilterLogEvents", `{"logGroupName":"g","logStreamNames":["none"]}`, "ResourceNotFoundException")
	w.fails("FilterLogEvents", `{"logGroupName":"none"}`, "ResourceNotFoundException")
}

// TestLargePages: 1 MB is a page, and all of it comes in order.
func TestLargePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, principals{})
	w.stream("g", "s")
	now, line := ms(start), strings.Repeat("x", 1000)
	for batch := range 3 {
		var lines []string
		for n := range 1000 {
			lines = append(lines, fmt.Sprintf("%04d%s", batch*1000+n, line))
		}
		w.put("g", "s", now+int64(batch*1000), lines...)
	}
	for _, operation := range []string{"GetLogEvents", "FilterLogEvents"} {
		token, pages, seen := "", 0, 0
		for {
			p := w.read(operation, `{"logGroupName":"g","logStreamName":"s","startFromHead":true`+token+`}`)
			for _, e := range p.Events {
				if want := fmt.Sprintf("%04d", seen); e.Message[:4] != want {
					t.Fatalf("%s: %.4s at the place of %s", operation, e.Message, want)
				}
				seen++
			}
			next := p.NextForwardToken + p.NextToken
			if len(p.Events) == 0 || next == "" {
				break
			}
			pages++
			token = `,"nextToken":"` + next + `"`
		}
		if seen != 3000 || pages < 2 {
			t.Errorf("%s: %d events in %d pages", operation, seen, pages)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	w := newWorld(b, principals{})
	w.stream("g", "s")
	line := strings.Repeat("x", 100)
	lines := make([]string, 8000)
	for i := range lines {
		lines[i] = line
	}
	b.SetBytes(8000 * 100)
	for b.Loop() {
		w.recorded.events = nil
		w.put("g", "s", ms(start), lines...)
	}
}
