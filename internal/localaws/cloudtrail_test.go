package localaws_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type lookedUp struct {
	Events []struct {
		EventId, EventName, ReadOnly, Username, CloudTrailEvent string
		EventTime                                               float64
		Resources                                               []struct{ ResourceType, ResourceName string }
	}
	NextToken string
}

func (l lookedUp) names() []string {
	names := []string{}
	for _, e := range l.Events {
		names = append(names, e.EventName)
	}
	return names
}

// TestLookupEvents: the event log through CloudTrail's own call, newest first, of the caller's account and region only.
func TestLookupEvents(t *testing.T) {
	t.Parallel()
	aws := open(t, t.TempDir())
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	here, other := callerOf(t, aws, account, "us-east-1"), callerOf(t, aws, "222222222222", "us-east-1")
	here.must(t, "iam", "CreateUser", "UserName=reader")
	here.must(t, "iam", "GetUser", "UserName=reader")
	other.must(t, "sts", "GetCallerIdentity", "")
	here.ask(t, "ssm", "GetDocument", `{"Name":"missing"}`)
	elsewhere := here
	elsewhere.region = "eu-west-1"
	elsewhere.must(t, "ssm", "ListDocuments", "{}")

	look := func(in string) lookedUp { return decode[lookedUp](t, here.must(t, "cloudtrail", "LookupEvents", in)) }
	all := look("{}")
	if diff := cmp.Diff([]string{"GetDocument", "GetUser", "CreateUser"}, all.names()); diff != "" {
		t.Error(diff)
	}
	var record gateway.Event
	if err := json.Unmarshal([]byte(all.Events[0].CloudTrailEvent), &record); err != nil || record.ErrorCode != "InvalidDocument" {
		t.Errorf("the record of the failed call: %+v, %v", record, err)
	}
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"name":        {`{"LookupAttributes":[{"AttributeKey":"EventName","AttributeValue":"CreateUser"}]}`, []string{"CreateUser"}},
		"source":      {`{"LookupAttributes":[{"AttributeKey":"EventSource","AttributeValue":"iam.amazonaws.com"}]}`, []string{"GetUser", "CreateUser"}},
		"writes":      {`{"LookupAttributes":[{"AttributeKey":"ReadOnly","AttributeValue":"false"},{}]}`, nil},
		"only writes": {`{"LookupAttributes":[{"AttributeKey":"EventName","AttributeValue":"CreateUser"}],"EndTime":` + fmt.Sprint(time.Now().Unix()+60) + `}`, []string{"CreateUser"}},
		"nobody":      {`{"LookupAttributes":[{"AttributeKey":"Username","AttributeValue":"nobody"}]}`, []string{}},
		"resource":    {`{"LookupAttributes":[{"AttributeKey":"ResourceName","AttributeValue":"arn:aws:iam::111111111111:user/reader"}]}`, []string{"GetUser", "CreateUser"}},
		"id":          {`{"LookupAttributes":[{"AttributeKey":"EventId","AttributeValue":"` + all.Events[1].EventId + `"}]}`, []string{"GetUser"}},
		"later":       {`{"StartTime":` + fmt.Sprint(time.Now().Unix()+60) + `}`, []string{}},
	} {
		got := here.ask(t, "cloudtrail", "LookupEvents", tc.in)
		if tc.want == nil {
			if got.code != "InvalidLookupAttributesException" {
				t.Errorf("%s: got %d %s", name, got.status, got.body)
			}
			continue
		}
		if diff := cmp.Diff(tc.want, decode[lookedUp](t, got.body).names()); got.status != http.StatusOK || diff != "" {
			t.Errorf("%s: %d %s", name, got.status, diff)
		}
	}
	// Page by page, the same events; what the paging itself adds is newer than the first page.
	const page = `"LookupAttributes":[{"AttributeKey":"EventSource","AttributeValue":"iam.amazonaws.com"}],"MaxResults":1`
	first := look(`{` + page + `}`)
	second := look(`{` + page + `,"NextToken":"` + first.NextToken + `"}`)
	if diff := cmp.Diff([]string{"GetUser", "CreateUser"}, append(first.names(), second.names()...)); diff != "" {
		t.Error(diff)
	}
	for code, in := range map[string]string{
		"InvalidMaxResultsException": `{"MaxResults":51}`, "InvalidNextTokenException": `{"NextToken":"!"}`,
		"InvalidTimeRangeException": `{"StartTime":2,"EndTime":1}`, "InvalidEventCategoryException": `{"EventCategory":"insight"}`,
	} {
		if got := here.ask(t, "cloudtrail", "LookupEvents", in); got.code != code {
			t.Errorf("%s: got %d %s, want %s", in, got.status, got.body, code)
		}
	}
}
