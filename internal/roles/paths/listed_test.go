package paths_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/paths"
)

const foreign = "999999999999"

// sending has a role that sends commands to all nodes, one that instances carry, and one of each in another account.
func sending(t *testing.T, accounts ...string) *roles.Set {
	t.Helper()
	set := &roles.Set{Complete: true}
	for _, id := range accounts {
		set.Roles = append(set.Roles,
			roles.Role{Account: id, Name: "weak", Path: "/", Policies: []roles.Policy{{Name: "p", Document: policy(t, `{"Effect":"Allow","Action":"ssm:SendCommand","Resource":["arn:aws:ssm:*::document/AWS-RunShellScript","arn:aws:ec2:us-west-2:*:instance/*"]}`)}}},
			roles.Role{Account: id, Name: "node", Path: "/", Trust: policy(t, `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`), Policies: []roles.Policy{{Name: "q", Document: policy(t, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)}}},
		)
	}
	return set
}

func list(owner string, instances ...string) string {
	if owner != "" {
		owner = `"OwnerId":` + owner + `,`
	}
	return `{"Reservations":[{` + owner + `"Instances":[` + strings.Join(instances, ",") + `]}]}`
}

func instance(zone, profile string) string {
	if profile != "" {
		profile = `"IamInstanceProfile":` + profile + `,`
	}
	return `{"InstanceId":"i-0a",` + profile + `"State":{"Name":"running"},"Placement":{"AvailabilityZone":"` + zone + `"}}`
}

func profileOf(account string) string {
	return `{"Arn":"arn:aws:iam::` + account + `:instance-profile/node"}`
}

// TestR116ListedNodes: whose they are decides, and one that is nobody's is told.
func TestR116ListedNodes(t *testing.T) {
	t.Parallel()
	const (
		found = "ssm:SendCommand on node i-0a → node"
		any   = "ssm:SendCommand on node any instance with this role → node"
		alien = "1 of the nodes in n.json are of account " + foreign + ", of which no roles and users are given: nobody's policies were held against them"
		zone  = "us-west-2b"
	)
	for name, test := range map[string]struct {
		accounts      []string
		file          string
		want, unclear []string
		nodes         int
	}{
		"its own":                   {nil, list(`"`+account+`"`, instance(zone, profileOf(account))), []string{found}, nil, 1},
		"a local zone":              {nil, list(`"`+account+`"`, instance("us-west-2-lax-1a", profileOf(account))), []string{found}, nil, 1},
		"another region":            {nil, list(`"`+account+`"`, instance("us-west-1b", profileOf(account))), nil, nil, 1},
		"no owner":                  {nil, list("", instance(zone, profileOf(account))), []string{found}, nil, 1},
		"no owner and no profile":   {nil, list("", instance(zone, "")), nil, nil, 1},
		"another's":                 {nil, list(`"`+foreign+`"`, instance(zone, profileOf(foreign))), []string{any}, []string{alien}, 1},
		"another's by its profile":  {nil, list("", instance(zone, profileOf(foreign))), []string{any}, []string{alien}, 1},
		"none":                      {nil, `{"Reservations":[]}`, nil, nil, 0},
		"none of which of two":      {[]string{foreign}, `{"Reservations":[]}`, []string{any}, nil, 2},
		"of one of two":             {[]string{foreign}, list(`"`+foreign+`"`, instance(zone, profileOf(foreign))), []string{any}, nil, 2},
		"of one of two, the caller": {[]string{foreign}, list(`"`+account+`"`, instance("us-west-1b", profileOf(account))), nil, nil, 2},
		"without a profile":         {nil, list(`"`+account+`"`, instance(zone, "")), nil, nil, 1},
		"with none, as a null":      {nil, list(`"`+account+`"`, instance(zone, "null")), nil, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := sending(t, append([]string{account}, test.accounts...)...)
			got, err := paths.Find(set, listed(t, set, test.file))
			if err != nil {
				t.Fatal(err)
			}
			var own []string
			for _, p := range got.Paths {
				if strings.Contains(p.From, account) {
					own = append(own, strings.TrimPrefix(p.Text, "weak → "))
				}
			}
			if diff := cmp.Diff(test.want, own, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.unclear, got.Unclear, cmpopts.EquateEmpty()); diff != "" || got.Nodes != test.nodes {
				t.Errorf("%d nodes, want %d; unclear: %s", got.Nodes, test.nodes, diff)
			}
			if len(test.unclear) > 0 && got.Exit() == 0 {
				t.Error("green, with nodes that nobody's policies were held against")
			}
		})
	}
}

func listed(t *testing.T, set *roles.Set, text string) *paths.Listed {
	t.Helper()
	out, err := read(t, set, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, set *roles.Set, text string) (*paths.Listed, error) {
	t.Helper()
	root, fault := iam.ReadTree("n.json", []byte(text), 1<<20)
	if fault != nil {
		t.Fatal(fault)
	}
	out := &paths.Listed{}
	return out, out.Read("n.json", root, set)
}

// TestR116ListsThatDoNotTellTheNodes: what a list has to say and does not is an error.
func TestR116ListsThatDoNotTellTheNodes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, want string }{
		"another list":  {`[]`, "n.json: no Reservations: nodes are read from what aws ec2 describe-instances prints"},
		"cut off":       {`{"Reservations":[],"NextToken":"x"}`, "n.json: the list is cut off (NextToken): without --max-items, aws ec2 describe-instances gives all"},
		"no zone":       {list(`"`+account+`"`, `{"InstanceId":"i-0a"}`), "n.json:1: instance i-0a has no Placement with its AvailabilityZone, which tells its region"},
		"whose of two":  {list("", instance("us-west-2b", "")), "n.json:1: instance i-0a is in a reservation without OwnerId, which tells its account"},
		"no token":      {`{"Reservations":[],"NextToken":null}`, ""},
		"an ended one":  {list("", `{"InstanceId":"i-0a","State":{"Name":"terminated"}}`), ""},
		"a number's ID": {list(account, instance("us-west-2b", "")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if _, err := read(t, sending(t, account, foreign), test.file); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestR116DefaultHostManagement: an instance without a profile may have a role that trusts Systems Manager.
func TestR116DefaultHostManagement(t *testing.T) {
	t.Parallel()
	set := sending(t, account)
	set.Roles[1].Trust = policy(t, `{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}`)
	const hosted = "ssm:SendCommand on node i-0a → node (if default host management gives role node to instances without a profile)"
	for _, test := range []struct{ profile, want string }{{"", hosted}, {profileOf(account), "ssm:SendCommand on node i-0a → node"}} {
		found, err := paths.Find(set, listed(t, set, list(`"`+account+`"`, instance("us-west-2b", test.profile))))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{test.want}, ways(t, found, "weak")); diff != "" || found.Nodes != 1 {
			t.Errorf("%d nodes: %s", found.Nodes, diff)
		}
	}
}

// TestR116ManyInstancesWithoutAProfile: times the roles that they may have, they are bounded, which is told.
func TestR116ManyInstancesWithoutAProfile(t *testing.T) {
	t.Parallel()
	set := &roles.Set{Complete: true}
	for i := range 80 {
		set.Roles = append(set.Roles, roles.Role{
			Account: account, Path: "/", Name: fmt.Sprint("r", i), Trust: policy(t, `{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}`),
		})
	}
	var instances []string
	for i := range 80 {
		instances = append(instances, strings.Replace(instance("us-west-2b", ""), "i-0a", fmt.Sprint("i-0", i), 1))
	}
	found, err := paths.Find(set, listed(t, set, list(`"`+account+`"`, instances...)))
	if err != nil {
		t.Fatal(err)
	}
	if found.Exit() != 3 || len(found.Unclear) == 0 || !strings.Contains(found.Unclear[0], "not each was looked at") {
		t.Errorf("exit %d: %q", found.Exit(), found.Unclear)
	}
}
