package roles

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// recorded is a plan whose record lies in a bucket of the account tools, or of the stage's own.
func recorded(t *testing.T, tools string) *plan.Plan {
	t.Helper()
	p, err := plan.New(&release.Release{
		File: "slipway.yaml", App: "web", Region: region,
		Record: &release.Record{Bucket: "web-record", AccountID: tools, Region: "eu-central-1", Lease: release.DefaultLease},
		Stages: []release.Stage{{
			Name: "dev", AccountID: account, Region: region, Split: true,
			Targets:     release.Targets{AutoScalingGroup: "web", Min: 1},
			Permissions: []release.Permission{{Actions: []string{"ssm:GetParameter"}, Resources: []string{"parameter/web/*"}}},
			Steps: []release.Step{{Command: &release.Command{
				Name: "release", Script: &release.Script{Path: "release.sh", Content: "true\n"},
				Output: &release.Output{LogGroup: "/web", Bucket: "web-logs"},
			}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestR130TheBucketOfAnotherAccountHasAPolicy: across accounts both sides must allow, so the bucket's policy is rendered,
// written and read back; within one account there is none.
func TestR130TheBucketOfAnotherAccountHasAPolicy(t *testing.T) {
	t.Parallel()
	own, err := Render(recorded(t, account))
	if err != nil {
		t.Fatal(err)
	}
	if len(own.Buckets) != 0 {
		t.Errorf("a bucket of the stage's account got a policy: %s", own.Buckets[0].Policy.JSON())
	}
	set, err := Render(recorded(t, "999999999999"))
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Buckets) != 1 || set.Buckets[0].Name != "web-record" || set.Buckets[0].Account != "999999999999" {
		t.Fatalf("got %+v, want the policy of web-record", set.Buckets)
	}
	granted := map[string][]string{}
	for _, st := range set.Buckets[0].Policy.Statements {
		principal := st.Principals[0].Values[0]
		for _, a := range st.Actions {
			granted[principal] = append(granted[principal], a+" "+strings.Join(st.Resources, " "))
		}
		slices.Sort(granted[principal])
	}
	objects := "arn:aws:s3:::web-record/web/dev/*"
	each := []string{"s3:GetObject " + objects, "s3:ListBucket arn:aws:s3:::web-record", "s3:PutObject " + objects}
	prefix := "arn:aws:iam::" + account + ":role/slipway/web-dev-"
	want := map[string][]string{prefix + "Trigger": each, prefix + "Verify": each}
	if diff := cmp.Diff(want, granted); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	files := fstest.MapFS{}
	for name, content := range Write(set) {
		files[name] = &fstest.MapFile{Data: content}
	}
	if files["999999999999/bucket-web-record.json"] == nil {
		t.Error("no file 999999999999/bucket-web-record.json")
	}
	read, err := Read(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Buckets) != 1 || string(read.Buckets[0].Policy.JSON()) != string(set.Buckets[0].Policy.JSON()) {
		t.Errorf("the policy reads back differently: %+v", read.Buckets)
	}
	if text := Text(set); !strings.Contains(text, "policy of bucket web-record in account 999999999999") {
		t.Error("the text says nothing of the bucket's policy")
	}
}

// TestR004EveryPatternSaysWhy: a * that no tag limits has its reason, of the record, of output and of what is declared.
func TestR004EveryPatternSaysWhy(t *testing.T) {
	t.Parallel()
	set, err := Render(recorded(t, "999999999999"))
	if err != nil {
		t.Fatal(err)
	}
	sids := map[string]bool{}
	for _, r := range set.Roles {
		for _, p := range r.Policies {
			for i, st := range p.Document.Statements {
				sids[string(r.Kind)+" "+st.Sid] = true
				if n := p.Notes[i]; n.Reason == "" || strings.Contains(strings.Join(st.Resources, " "), "*") && n.Star == "" {
					t.Errorf("%s: %s has no reason: %+v", r.Name, st.Sid, n)
				}
			}
		}
	}
	for _, want := range []string{
		"Trigger KeepDeployRecord", "Trigger FindDeployRecords", "Verify KeepDeployRecord", "Verify ReadDeployOutput",
		"Node WriteOutputToLogs", "Node WriteOutputToBucket", "Node NeededByScripts",
	} {
		if !sids[want] {
			t.Errorf("no statement %s", want)
		}
	}
}
