package ssm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/hybrid"
)

const activation = "01234567-89ab-4cde-8f01-23456789abcd"

func TestDescribeInstanceInformation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := 1; n <= 7; n++ {
		w.node(n, map[string]string{"App": "web", "N": string(rune('0' + n))})
	}
	must(t, w.ec2.Launch(t.Context(), ec2.Instance{ID: nodeID(7), Account: account, Region: region, State: ec2.Terminated}))
	must(t, w.ec2.Launch(t.Context(), ec2.Instance{ID: nodeID(8), Account: account, Region: region})) // no agent
	must(t, w.ec2.Launch(t.Context(), ec2.Instance{ID: nodeID(6), Account: account, Region: region, State: ec2.Stopped}))
	outer := "mi-" + strings.Repeat("a", 17)
	w.outside[outer] = hybrid.Node{ID: outer, Account: account, Region: region, Activation: activation, Role: "service-role/Outside",
		Name: "till", Registered: w.clock.now(), Tags: map[string]string{"Shop": "7"}}
	w.nodeSession(outer, "hybrid", allowAll)
	(&agent{w, outer}).call("ssm", "UpdateInstanceInformation", object{"AgentVersion": "3.3.0.0", "InstanceId": outer})
	gone := "mi-" + strings.Repeat("b", 17)
	w.nodeSession(gone, "hybrid", allowAll)
	if _, code := w.ask(gone, "ssm", "UpdateInstanceInformation", object{"AgentVersion": "3.3.0.0", "InstanceId": gone}); code != "InvalidInstanceId" {
		t.Errorf("a node that is not registered reports: %q", code)
	}
	w.clock.advance(12 * time.Minute)
	w.node(1, map[string]string{"App": "web", "N": "1"})

	filters := func(key string, values ...string) object {
		return object{"Filters": []object{{"Key": key, "Values": values}}}
	}
	for name, tc := range map[string]struct {
		in   object
		want string
	}{
		"all":            {object{}, "1 2 3 4 5 m"},
		"ids":            {filters("InstanceIds", nodeID(2), nodeID(8)), "2"},
		"tag":            {filters("tag:N", "3", "7"), "3"},
		"tag key":        {filters("tag-key", "App"), "1 2 3 4 5"},
		"online":         {filters("PingStatus", "Online"), "1"},
		"lost":           {filters("PingStatus", "ConnectionLost"), "2 3 4 5 m"},
		"hybrid":         {filters("ResourceType", "ManagedInstance"), "m"},
		"activation":     {filters("ActivationIds", activation), "m"},
		"role":           {filters("IamRole", "service-role/Outside"), "m"},
		"its tag":        {filters("tag:Shop", "7"), "m"},
		"no association": {filters("AssociationStatus", "Success"), ""},
		"both": {object{"Filters": []object{{"Key": "PingStatus", "Values": []string{"Online", "ConnectionLost"}},
			{"Key": "ResourceType", "Values": []string{"ManagedInstance"}}}}, "m"},
		"old form": {object{"InstanceInformationFilterList": []object{{"key": "InstanceIds", "valueSet": []string{nodeID(5)}}}},
			"5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, n := range w.all("DescribeInstanceInformation", "InstanceInformationList", tc.in, 5) {
				id := text(n, "InstanceId")
				if id == outer {
					id = "m"
				}
				got = append(got, id[len(id)-1:])
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, tc := range map[string]struct {
		in   object
		code string
	}{
		"too few":       {object{"MaxResults": 4}, "ValidationException"},
		"too many":      {object{"MaxResults": 51}, "ValidationException"},
		"unknown key":   {filters("Colour", "red"), "InvalidFilterKey"},
		"bad id":        {filters("InstanceIds", "x"), "InvalidInstanceId"},
		"both forms":    {object{"Filters": []object{{"Key": "PingStatus", "Values": []string{"Online"}}}, "InstanceInformationFilterList": []object{{"key": "PingStatus", "valueSet": []string{"Online"}}}}, "ValidationException"},
		"tag and other": {object{"Filters": []object{{"Key": "tag:App", "Values": []string{"web"}}, {"Key": "PingStatus", "Values": []string{"Online"}}}}, "ValidationException"},
		"no values":     {filters("PingStatus"), "ValidationException"},
		"bad token":     {object{"NextToken": "!"}, "InvalidNextToken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, code := w.ask("admin", "ssm", "DescribeInstanceInformation", tc.in); code != tc.code {
				t.Errorf("got %q, want %q: %v", code, tc.code, out)
			}
		})
	}
	if out, _ := w.ask("stranger", "ssm", "DescribeInstanceInformation", object{}); len(out["InstanceInformationList"].([]any)) != 0 {
		t.Error("a stranger sees nodes")
	}
}

func TestDescribedNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	// A later, shorter report does not forget what an earlier one said.
	a.call("ssm", "UpdateInstanceInformation", object{"AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.2747.0", "InstanceId": a.id})
	got := w.do("DescribeInstanceInformation", object{})["InstanceInformationList"].([]any)[0]
	if diff := cmp.Diff(object{"InstanceId": a.id, "PingStatus": "Online", "LastPingDateTime": 1795321800.0,
		"AgentVersion": "3.3.2747.0", "IsLatestVersion": false, "PlatformType": "Linux", "PlatformName": "Debian GNU/Linux",
		"PlatformVersion": "", "ResourceType": "EC2Instance", "IPAddress": "", "ComputerName": "", "SourceId": a.id,
		"SourceType": "AWS::EC2::Instance"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDescribedHybridNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := "mi-" + strings.Repeat("a", 17)
	w.outside[id] = hybrid.Node{ID: id, Account: account, Region: region, Activation: activation, Role: "Outside", Name: "till",
		Registered: w.clock.now()}
	w.nodeSession(id, "Outside", allowAll)
	(&agent{w, id}).call("ssm", "UpdateInstanceInformation", object{"AgentVersion": "3.3.0.0", "InstanceId": id, "PlatformType": "Linux"})
	w.clock.advance(time.Minute)
	got := w.do("DescribeInstanceInformation", object{})["InstanceInformationList"].([]any)[0]
	if diff := cmp.Diff(object{"InstanceId": id, "PingStatus": "Online", "LastPingDateTime": 1795321800.0,
		"AgentVersion": "3.3.0.0", "IsLatestVersion": false, "PlatformType": "Linux", "PlatformName": "", "PlatformVersion": "",
		"ResourceType": "ManagedInstance", "IPAddress": "", "ComputerName": "", "SourceId": id, "SourceType": "AWS::SSM::ManagedInstance",
		"ActivationId": activation, "IamRole": "Outside", "Name": "till", "RegistrationDate": 1795321800.0}, got); diff != "" {
		t.Error(diff)
	}
}

// TestOnlyTheNodeItself: a session of the node's role that is not the node's may not report for it.
func TestOnlyTheNodeItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.node(1, nil), w.node(2, nil)
	w.session("thief", "web-dev-Node", "laptop", allowAll)
	w.session("forger", "web-dev-Node", a.id, allowAll)
	in := object{"AgentVersion": "3.3.0.0", "InstanceId": a.id}
	for _, who := range []string{"admin", b.id, "thief", "forger", "stranger"} {
		if _, code := w.ask(who, "ssm", "UpdateInstanceInformation", in); code != "AccessDeniedException" {
			t.Errorf("%s: %q", who, code)
		}
	}
	// The policy is asked as well, on the node's own ARN.
	w.nodeSession(a.id, "web-dev-Node", strings.ReplaceAll(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Action":"ssm:UpdateInstanceInformation","Resource":"*","Condition":{"ArnEquals":{"ssm:SourceInstanceARN":"arn:aws:ec2:eu-west-1:111111111111:instance/ID"}}}]}`, "ID", b.id))
	if _, code := w.ask(a.id, "ssm", "UpdateInstanceInformation", in); code != "AccessDeniedException" {
		t.Errorf("refused by its policy: %q", code)
	}
	if got := text(b.call("ssm", "ListInstanceAssociations", object{"InstanceId": b.id, "MaxResults": 20}), "Associations"); got != "[]" {
		t.Error(got)
	}
}
