package localaws_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAlarms makes, sets, lists and deletes alarms, in both protocols that clients speak.
func TestAlarms(t *testing.T) {
	t.Parallel()
	aws := open(t, t.TempDir())
	check(t, aws.Serve("127.0.0.1:0"))
	a := callerOf(t, aws, account, region)
	ask := func(operation, body string) answer {
		t.Helper()
		header := http.Header{"X-Amz-Target": {"GraniteServiceVersion20100801." + operation}, "Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Query-Mode": {"true"}}
		return a.send(t, http.MethodPost, "/", "monitoring", header, body)
	}
	const settings = `"MetricName":"errors","Namespace":"shop","Statistic":"Sum","Period":60,"EvaluationPeriods":1,"Threshold":1.5,"ComparisonOperator":"GreaterThanThreshold","AlarmActions":["arn:aws:sns:eu-west-1:111111111111:ops"]}`
	for _, name := range []string{"c", "a", "b"} {
		if got := ask("PutMetricAlarm", `{"AlarmName":"`+name+`",`+settings); got.status != http.StatusOK || got.body != "{}" {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	type page struct {
		MetricAlarms []struct {
			AlarmName, AlarmArn, StateValue, StateReason string
			Threshold                                    float64
			AlarmActions                                 []string
		}
		NextToken string
	}
	names := func(p page) (all string) {
		for _, one := range p.MetricAlarms {
			all += one.AlarmName + " " + one.StateValue + "\n"
		}
		return all
	}
	first := decode[page](t, ask("DescribeAlarms", `{"MaxRecords":2}`).body)
	if diff := cmp.Diff("a INSUFFICIENT_DATA\nb INSUFFICIENT_DATA\n", names(first)); diff != "" {
		t.Error(diff)
	}
	one := first.MetricAlarms[0]
	if one.AlarmArn != "arn:aws:cloudwatch:"+region+":"+account+":alarm:a" || one.Threshold != 1.5 || len(one.AlarmActions) != 1 {
		t.Errorf("%+v", one)
	}
	rest := decode[page](t, ask("DescribeAlarms", `{"MaxRecords":2,"NextToken":"`+first.NextToken+`"}`).body)
	if diff := cmp.Diff("c INSUFFICIENT_DATA\n", names(rest)); diff != "" || rest.NextToken != "" {
		t.Error(diff, rest.NextToken)
	}
	if got := ask("SetAlarmState", `{"AlarmName":"b","StateValue":"ALARM","StateReason":"too many"}`); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := ask("PutMetricAlarm", `{"AlarmName":"b",`+settings); got.status != http.StatusOK { // the state stays
		t.Errorf("%d %s", got.status, got.body)
	}
	loud := a.ask(t, "monitoring", "DescribeAlarms", "StateValue=ALARM")
	for _, want := range []string{"<MetricAlarms><member><AlarmName>b</AlarmName>", "<StateReason>too many</StateReason>", "<Threshold>1.5</Threshold>"} {
		if !strings.Contains(loud.body, want) {
			t.Errorf("no %s in %s", want, loud.body)
		}
	}
	for _, other := range []struct{ account, region string }{{otherAccount, region}, {account, "us-east-1"}} { // another's are not there
		b := callerOf(t, aws, other.account, other.region)
		if got := b.ask(t, "monitoring", "DescribeAlarms", ""); got.status != http.StatusOK || strings.Contains(got.body, "<AlarmName>") {
			t.Errorf("%v sees %d %s", other, got.status, got.body)
		}
		for operation, form := range map[string]string{"SetAlarmState": "AlarmName=b&StateValue=OK&StateReason=x", "DeleteAlarms": "AlarmNames.member.1=b"} {
			if got := b.ask(t, "monitoring", operation, form); got.status != http.StatusNotFound {
				t.Errorf("%v, %s: %d %s", other, operation, got.status, got.body)
			}
		}
	}
	if got := ask("DeleteAlarms", `{"AlarmNames":["a","ghost"]}`); got.status != http.StatusNotFound || got.header.Get("X-Amzn-Query-Error") != "ResourceNotFound;Sender" {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
	if got := a.ask(t, "monitoring", "DeleteAlarms", "AlarmNames.member.1=a&AlarmNames.member.2=b"); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	if diff := cmp.Diff("c INSUFFICIENT_DATA\n", names(decode[page](t, ask("DescribeAlarms", `{}`).body))); diff != "" {
		t.Error(diff)
	}
	if got := ask("PutMetricData", `{}`); got.code != "UnknownOperationException" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
