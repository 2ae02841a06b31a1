package paths_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/paths"
)

// ways are the first steps of somebody's ways.
func ways(t *testing.T, r *paths.Result, from string) (list []string) {
	t.Helper()
	for _, p := range r.Paths {
		if strings.HasSuffix(p.From, "/"+from) && len(p.Edges) == 1 {
			list = append(list, strings.TrimPrefix(p.Text, from+" → "))
		}
	}
	return list
}

// TestR116NodesThatAreNoInstances: a role that Systems Manager may have is perhaps on a machine that is registered with it, or on
// instances without a profile.
func TestR116NodesThatAreNoInstances(t *testing.T) {
	t.Parallel()
	const (
		ssm      = `{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"`
		sends    = `{"Effect":"Allow","Action":"ssm:SendCommand","Resource":`
		machine  = "ssm:SendCommand on node any registered machine → strong (if a machine is registered with role strong)"
		instance = "ssm:SendCommand on node any instance without a profile → strong (if default host management gives role strong to instances without a profile)"
		doc      = `"arn:aws:ssm:*::document/AWS-RunShellScript"`
	)
	from := func(arn string) string {
		return ssm + `,"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"` + arn + `"}}}`
	}
	for name, test := range map[string]struct {
		trust, allowed, path string
		want                 []string
	}{
		"any node":           {ssm + "}", sends + `"*"}`, "/", []string{machine}},
		"registered ones":    {ssm + "}", sends + `[` + doc + `,"arn:aws:ssm:*:111122223333:managed-instance/*"]}`, "/", []string{machine}},
		"one of them":        {ssm + "}", sends + `[` + doc + `,"arn:aws:ssm:eu-west-1:111122223333:managed-instance/mi-0000000000000000a"]}`, "/", []string{strings.Replace(machine, "any registered machine", "mi-0000000000000000a, if it has this role,", 1)}},
		"instances":          {ssm + "}", sends + `[` + doc + `,"arn:aws:ec2:*:111122223333:instance/*"]}`, "/", []string{instance}},
		"no nodes":           {ssm + "}", sends + doc + `}`, "/", nil},
		"another service":    {strings.Replace(ssm, "ssm.", "backup.", 1) + "}", sends + `"*"}`, "/", nil},
		"for nodes":          {from("arn:aws:ssm:eu-west-1:111122223333:*"), sends + `"*"}`, "/", []string{machine}},
		"for automations":    {from("arn:aws:ssm:*:111122223333:automation-execution/*"), sends + `"*"}`, "/", nil},
		"linked to services": {ssm + "}", sends + `"*"}`, "/aws-service-role/ssm.amazonaws.com/", nil},
		"an activation": {ssm + "}", `{"Effect":"Allow","Action":["ssm:CreateActivation","iam:PassRole"],"Resource":"*"}`, "/",
			[]string{"iam:PassRole + ssm:CreateActivation → strong"}},
		"an activation without the role": {ssm + "}", `{"Effect":"Allow","Action":"ssm:CreateActivation","Resource":"*"}`, "/", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := &roles.Set{Complete: true, Roles: []roles.Role{
				{Account: account, Name: "weak", Path: "/", Policies: []roles.Policy{{Name: "p", Document: policy(t, test.allowed)}}},
				{Account: account, Name: "strong", Path: test.path, Trust: policy(t, test.trust), Policies: []roles.Policy{{Name: "q", Document: policy(t, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)}}},
			}}
			found, err := paths.Find(set, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, ways(t, found, "weak"), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestR116NodesThatAreLeftOutAreTold: where so much is named that not everything can be tried, that is no green.
func TestR116NodesThatAreLeftOutAreTold(t *testing.T) {
	t.Parallel()
	var regions []string
	for _, a := range strings.Split("abcde", "") {
		for _, b := range strings.Split("vwxyz", "") {
			regions = append(regions, `"arn:aws:ssm:`+a+b+`-west-1::document/d"`)
		}
	}
	set := &roles.Set{Complete: true, Roles: []roles.Role{{Account: account, Name: "weak", Path: "/", Policies: []roles.Policy{
		{Name: "p", Document: policy(t, `{"Effect":"Allow","Action":"ssm:SendCommand","Resource":[`+strings.Join(regions, ",")+`]}`)},
	}}}}
	found, err := paths.Find(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if found.Exit() != 3 || !strings.Contains(found.Text(), "not each was looked at") {
		t.Errorf("exit %d:\n%s", found.Exit(), found.Text())
	}
}
