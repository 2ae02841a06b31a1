package localaws_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/node"
)

func TestMain(m *testing.M) {
	node.MaybeInit()
	os.Exit(m.Run())
}

var updateDocs = flag.Bool("update-docs", false, "write docs/local-aws.md anew")

// TestDocsLocalAWS keeps the table of operations in docs/local-aws.md what is served.
func TestDocsLocalAWS(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/local-aws.md", "<!-- operations -->\n", "<!-- /operations -->"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), begin)
	got, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no place for the operations", path)
	}
	var b strings.Builder
	b.WriteString("\n| service | operations |\n|---|---|\n")
	for _, service := range open(t, t.TempDir()).Services() {
		names := make([]string, len(service.Operations))
		for i, operation := range service.Operations {
			names[i] = operation.Name
		}
		slices.Sort(names)
		fmt.Fprintf(&b, "| %s | %s |\n", service.Name, strings.Join(names, ", "))
	}
	b.WriteString("\n")
	if *updateDocs {
		if err := os.WriteFile(path, []byte(before+begin+b.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(b.String(), got); diff != "" {
		t.Errorf("docs/local-aws.md is not what is served (go test ./internal/localaws -update-docs): -want +got\n%s", diff)
	}
}

const account = "111111111111"

func open(t *testing.T, dir string) *localaws.AWS {
	t.Helper()
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := aws.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return aws
}

func TestOneProcessADataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	if _, err := localaws.Open(t.Context(), localaws.Config{Dir: dir}); !errors.Is(err, localaws.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
}

func TestStateSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := localaws.Open(t.Context(), localaws.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	before, err := first.EnsureAccount(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := open(t, dir).EnsureAccount(t.Context(), account)
	if err != nil || after != before {
		t.Errorf("got other keys after reopening, %v", err)
	}
}

const ec2Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// TestControl asks the control endpoint with and without what the control file holds.
func TestControl(t *testing.T) {
	t.Parallel()
	aws := open(t, t.TempDir())
	if _, err := localaws.ReadControl(aws.Dir()); err == nil {
		t.Error("a control file before the port is open")
	}
	if _, err := aws.EnsureAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if err := aws.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: "node", Trust: []byte(ec2Trust)}); err != nil {
		t.Fatal(err)
	}
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if _, err := aws.WriteControl(t.Context(), "eu-west-1"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(aws.Dir(), localaws.ControlFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the control file has mode %v, %v, want 0600", info.Mode(), err)
	}
	control, err := localaws.ReadControl(aws.Dir())
	if err != nil {
		t.Fatal(err)
	}
	session, err := control.RoleCredentials(t.Context(), account, "node")
	if err != nil || !strings.HasPrefix(session.AccessKeyID, "ASIA") {
		t.Errorf("got %+v, %v, want a session", session, err)
	}
	if _, err := control.RoleCredentials(t.Context(), account, "nobody"); err == nil || !strings.Contains(err.Error(), "NoSuchEntity") {
		t.Errorf("a role that does not exist: got %v", err)
	}
	events, err := aws.Events().List(t.Context(), gateway.Filter{Name: "IssueRoleCredentials"})
	if err != nil || len(events) != 1 {
		t.Errorf("%d events of the issued session, %v, want 1", len(events), err)
	}
	for name, header := range map[string]http.Header{
		"no token":    {},
		"wrong token": {"Authorization": {"Bearer " + strings.Repeat("0", len(control.Token))}},
		"a web page":  {"Authorization": {"Bearer " + control.Token}, "Origin": {"https://example.com"}},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, control.Endpoint+"/_slipway/role-credentials?account="+account+"&role=node", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %s, want 403", name, response.Status)
		}
	}
}
