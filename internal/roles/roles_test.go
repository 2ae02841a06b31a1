package roles

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var shapes = map[string]shape{
	"ids":    {},
	"tags":   {tags: true, shared: true},
	"split":  {split: true, tags: true},
	"no-ci":  {noCI: true},
	"hybrid": {hybrid: true},
}

// Each golden file is everything a shape renders to: the text for reviewers, then the files.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, sh := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := mustRender(t, sh)
			got := Text(set)
			files := Write(set)
			for _, f := range slices.Sorted(maps.Keys(files)) {
				got += "\n-- " + f + " --\n" + string(files[f])
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got (rewrite with -update):\n%s", diff)
			}
		})
	}
}

// everyStatement visits the statements of all shapes with their notes.
func everyStatement(t *testing.T, visit func(where string, st *iam.Statement, notes []Note)) {
	t.Helper()
	for name, sh := range shapes {
		for _, r := range mustRender(t, sh).Roles {
			for i := range r.Trust.Statements {
				visit(name+" "+r.Trust.Name, &r.Trust.Statements[i], r.TrustNotes)
			}
			for _, p := range r.Policies {
				for i := range p.Document.Statements {
					visit(name+" "+p.Document.Name, &p.Document.Statements[i], p.Notes)
				}
			}
		}
	}
}

func TestR003EveryStatementHasASidOfItsOwnAndAReason(t *testing.T) {
	t.Parallel()
	count := 0
	everyStatement(t, func(where string, st *iam.Statement, notes []Note) {
		count++
		var found []Note
		for _, n := range notes {
			if n.Sid == st.Sid {
				found = append(found, n)
			}
		}
		if st.Sid == "" || len(found) != 1 || len(found[0].Reason) < 20 {
			t.Errorf("%s: %q has the notes %+v", where, st.Sid, found)
		}
	})
	if count < 50 {
		t.Errorf("only %d statements were looked at", count)
	}
}

// R4: each wildcard carries a reason, and there is none that AWS would let us narrow.
func TestR004EveryStarIsJustified(t *testing.T) {
	t.Parallel()
	everyStatement(t, func(where string, st *iam.Statement, notes []Note) {
		wild := slices.ContainsFunc(st.Resources, func(r string) bool { return strings.ContainsAny(r, "*?") })
		i := slices.IndexFunc(notes, func(n Note) bool { return n.Sid == st.Sid })
		if i < 0 || wild == (notes[i].Star == "") {
			t.Errorf("%s %s: resources %v without or with a needless reason", where, st.Sid, st.Resources)
		}
		if !slices.Contains(st.Resources, "*") {
			return
		}
		for _, a := range st.Actions {
			if _, ok := catalog.Unscopable(a); !ok || !strings.Contains(notes[i].Star, a) {
				t.Errorf("%s %s: %s on * is justified with %q", where, st.Sid, a, notes[i].Star)
			}
		}
	})
}

// R23, R59: actions are named one by one.
func TestR023NoWildcardInActions(t *testing.T) {
	t.Parallel()
	everyStatement(t, func(where string, st *iam.Statement, _ []Note) {
		if len(st.NotActions)+len(st.NotResources)+len(st.NotPrincipals) > 0 || st.Effect != iam.Allow {
			t.Errorf("%s %s is not a plain Allow", where, st.Sid)
		}
		for _, a := range st.Actions {
			if known, ok := catalog.Lookup(a); !ok || known.String() != a {
				t.Errorf("%s %s: %q is not an action's own name", where, st.Sid, a)
			}
		}
	})
	node := mustRender(t, shape{}).role(t, plan.KindNode)
	want := []string{
		"ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage", "ec2messages:GetEndpoint",
		"ec2messages:GetMessages", "ec2messages:SendReply", "ssm:ListInstanceAssociations", "ssm:UpdateInstanceInformation",
		"ssmmessages:CreateControlChannel", "ssmmessages:OpenControlChannel",
	}
	var got []string
	for _, st := range node.Policies[0].Document.Statements {
		got = append(got, st.Actions...)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the node's actions (-want +got):\n%s", diff)
	}
}

func TestR001SendOnTheseDocumentsAndNodesOnly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sh       shape
		resource string
		context  map[string][]string
		want     bool
	}{
		{shape{}, ownDoc, nil, true},
		{shape{}, ec2ARN + nodeID, nil, true},
		{shape{}, ec2ARN + "i-0fedcba9876543210", nil, false},
		{shape{}, shellDoc, nil, false},
		{shape{}, ownDoc + "2", nil, false},
		{shape{shared: true}, shellDoc, nil, true},
		{shape{tags: true}, ownDoc, nil, true},
		{shape{tags: true}, ec2ARN + nodeID, map[string][]string{"ssm:resourceTag/App": {"web"}, "ssm:resourceTag/Environment": {"test"}}, true},
		{shape{tags: true}, ec2ARN + nodeID, map[string][]string{"ssm:resourceTag/App": {"web"}, "ssm:resourceTag/Environment": {"prod"}}, false},
		{shape{tags: true}, ec2ARN + nodeID, map[string][]string{"ssm:resourceTag/App": {"web"}}, false},
		{shape{tags: true}, ec2ARN + nodeID, nil, false},
	}
	for _, tt := range tests {
		got := mustRender(t, tt.sh).role(t, plan.KindDeploy).allows(t, "ssm:SendCommand", tt.resource, tt.context)
		if got != tt.want {
			t.Errorf("%+v: ssm:SendCommand on %s with %v allowed: %t, want %t", tt.sh, tt.resource, tt.context, got, tt.want)
		}
	}
}

func TestR002PollDeployStatusIsOnStar(t *testing.T) {
	t.Parallel()
	got := mustRender(t, shape{}).role(t, plan.KindDeploy).statement("PollDeployStatus")
	want := &iam.Statement{Sid: "PollDeployStatus", Effect: iam.Allow, Actions: []string{"ssm:GetCommandInvocation"}, Resources: []string{"*"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// R5, R6: the two permissions are apart; without its statement the role cannot read, whatever else it has.
func TestR006SendingDoesNotIncludeReading(t *testing.T) {
	t.Parallel()
	r := mustRender(t, shape{tags: true}).role(t, plan.KindDeploy)
	if !r.allows(t, "ssm:GetCommandInvocation", "*", nil) {
		t.Error("the deploy role cannot read")
	}
	doc := r.Policies[0].Document
	doc.Statements = slices.DeleteFunc(doc.Statements, func(s iam.Statement) bool { return s.Sid == "PollDeployStatus" })
	if r.allows(t, "ssm:GetCommandInvocation", "*", nil) {
		t.Error("another statement lets it read as well")
	}
}

// R7, R8: the owner of a document, and the service of an instance.
func TestR007ARNsOfDocumentsAndNodes(t *testing.T) {
	t.Parallel()
	got := mustRender(t, shape{shared: true, hybrid: true}).role(t, plan.KindDeploy).statement("QueueDeployCommand").Resources
	want := []string{ownDoc, ec2ARN + nodeID, "arn:aws:ssm:eu-west-1:111111111111:managed-instance/mi-0123456789abcdef0", shellDoc}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestR016SplitRolesCannotDoEachOthersWork(t *testing.T) {
	t.Parallel()
	set := mustRender(t, shape{split: true})
	trigger, verify := set.role(t, plan.KindTrigger), set.role(t, plan.KindVerify)
	tests := []struct {
		action, resource string
		trigger, verify  bool
	}{
		{"ssm:SendCommand", ownDoc, true, false},
		{"ssm:SendCommand", ec2ARN + nodeID, true, false},
		{"ssm:UpdateDocument", ownDoc, true, false},
		{"ssm:GetCommandInvocation", "*", false, true},
		{"ssm:ListCommandInvocations", "*", false, true},
		{"ssm:ListCommands", "*", false, true},
		{"ssm:CancelCommand", "*", false, true},
	}
	for _, tt := range tests {
		if got := trigger.allows(t, tt.action, tt.resource, nil); got != tt.trigger {
			t.Errorf("trigger: %s on %s allowed: %t", tt.action, tt.resource, got)
		}
		if got := verify.allows(t, tt.action, tt.resource, nil); got != tt.verify {
			t.Errorf("verify: %s on %s allowed: %t", tt.action, tt.resource, got)
		}
	}
}

// R17, R51: a pattern of nodes stands only in a statement with their tags, and that statement has no document.
func TestR017NodePatternsCarryTagConditions(t *testing.T) {
	t.Parallel()
	got := mustRender(t, shape{tags: true}).role(t, plan.KindDeploy).statement("QueueDeployCommandToTaggedNodes")
	want := &iam.Statement{
		Sid: "QueueDeployCommandToTaggedNodes", Effect: iam.Allow, Actions: []string{"ssm:SendCommand"}, Resources: []string{ec2ARN + "*"},
		Conditions: []iam.Condition{
			{Operator: "StringEquals", Key: "ssm:resourceTag/App", Values: []string{"web"}},
			{Operator: "StringEquals", Key: "ssm:resourceTag/Environment", Values: []string{"dev", "test"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	everyStatement(t, func(where string, st *iam.Statement, _ []Note) {
		if slices.Contains(st.Actions, "ssm:SendCommand") && slices.Contains(st.Resources, ec2ARN+"*") && len(st.Conditions) == 0 {
			t.Errorf("%s %s sends to every node", where, st.Sid)
		}
	})
}

func TestR018BothPermissionsComeFirst(t *testing.T) {
	t.Parallel()
	for _, sh := range []shape{{}, {tags: true}, {shared: true}} {
		st := mustRender(t, sh).role(t, plan.KindDeploy).Policies[0].Document.Statements
		if st[0].Sid != "QueueDeployCommand" || st[1].Sid != "PollDeployStatus" {
			t.Errorf("%+v: the policy begins with %s and %s", sh, st[0].Sid, st[1].Sid)
		}
	}
}

// R28: whoever may send a document of AWS is root, and the reviewer is told.
func TestR028SharedDocumentsAreCalledRoot(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		r := mustRender(t, shape{shared: shared}).role(t, plan.KindDeploy)
		i := slices.IndexFunc(r.Policies[0].Notes, func(n Note) bool { return n.Sid == "QueueDeployCommand" })
		if got := strings.Contains(r.Policies[0].Notes[i].Reason, "AWS-RunShellScript is a document of AWS"); got != shared {
			t.Errorf("shared %t: the reason is %q", shared, r.Policies[0].Notes[i].Reason)
		}
	}
}

// What several circumstances need is told once, in the plan's order.
func TestNotesTellTheCircumstances(t *testing.T) {
	t.Parallel()
	r := mustRender(t, shape{}).role(t, plan.KindDeploy)
	got := map[string][]plan.When{}
	for _, n := range r.Policies[0].Notes {
		got[n.Sid] = n.When
	}
	want := map[string][]plan.When{
		"QueueDeployCommand":    {plan.Always},
		"PollDeployStatus":      {plan.Always, plan.OnResume, plan.OnFinish},
		"WatchDeployNodes":      {plan.Always, plan.Tick},
		"FindEarlierSends":      {plan.Always},
		"FindTargets":           {plan.Always},
		"PublishDeployDocument": {plan.Always, plan.FirstTime, plan.OnChange},
		"StopDeployOnInterrupt": {plan.OnInterrupt},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
