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
	maybeCrashChild()
	code := m.Run()
	removeSlipway()
	os.Exit(code)
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
	want := operationTables(open(t, t.TempDir()).Services())
	if *updateDocs {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/local-aws.md is not what is served (go test ./internal/localaws -run TestDocsLocalAWS -update-docs): -want +got\n%s", diff)
	}
}

// operationTables lists every operation, then what of each is not honoured.
func operationTables(services []gateway.Service) string {
	var all, exceptions strings.Builder
	slices.SortFunc(services, func(a, b gateway.Service) int { return strings.Compare(a.Name, b.Name) })
	for _, service := range services {
		operations := slices.SortedFunc(slices.Values(service.Operations), func(a, b gateway.Operation) int { return strings.Compare(a.Name, b.Name) })
		names := make([]string, len(operations))
		for i, operation := range operations {
			names[i] = operation.Name
			for _, note := range operation.Exceptions {
				fmt.Fprintf(&exceptions, "| %s | %s | %s |\n", service.Name, operation.Name, strings.ReplaceAll(note, "|", `\|`))
			}
		}
		fmt.Fprintf(&all, "| %s | %d | %s |\n", service.Name, len(names), strings.Join(names, ", "))
	}
	return "\n| service | | operations |\n|---|---|---|\n" + all.String() +
		"\nNot honoured, although the operation is served:\n\n| service | operation | what |\n|---|---|---|\n" + exceptions.String() + "\n"
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

// serve opens the port of a local AWS that has an account with a role, and writes the control file.
func serve(t *testing.T, dir, address string) (*localaws.AWS, localaws.Control) {
	t.Helper()
	aws := open(t, dir)
	if _, err := aws.EnsureAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if err := aws.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: "node+1", Trust: []byte(ec2Trust)}); err != nil {
		t.Fatal(err)
	}
	if err := aws.Serve(address); err != nil {
		t.Fatal(err)
	}
	control, err := aws.WriteControl(t.Context(), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	return aws, control
}

// TestServeOnEveryAddress: an address that cannot be connected to is not given out, and other machines are answered by
// whatever name they use; web pages are not.
func TestServeOnEveryAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0"} {
		_, control := serve(t, t.TempDir(), address)
		if !strings.HasPrefix(control.Endpoint, "http://127.0.0.1:") {
			t.Errorf("%s: the endpoint is %s", address, control.Endpoint)
		}
		if _, err := control.RoleCredentials(t.Context(), account, "node+1"); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		for name, header := range map[string]http.Header{"": {}, "a web page": {"Origin": {"http://build-7:80"}}} {
			status := send(t, http.MethodPost, control.Endpoint+"/", "build-7", header)
			if (status == http.StatusForbidden) != (name == "a web page") {
				t.Errorf("%s: another host, %s: %d", address, name, status)
			}
		}
	}
}

// send makes a request to a host of any name and gives the status of the answer, not following it anywhere.
func send(t *testing.T, method, target, host string, header http.Header) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if request.Header = header; host != "" {
		request.Host = host
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// TestControlIsGuarded: the control endpoint refuses what the gateway refuses, and leaves everything else to it.
func TestControlIsGuarded(t *testing.T) {
	t.Parallel()
	_, control := serve(t, t.TempDir(), "127.0.0.1:0")
	own := "/_slipway/role-credentials?account=" + account + "&role=node%2B1"
	token := http.Header{"Authorization": {"Bearer " + control.Token}}
	page := token.Clone()
	page.Set("Sec-Fetch-Site", "same-origin")
	for name, tc := range map[string]struct {
		method, path, host string
		header             http.Header
		want               int
	}{
		"the owner":      {http.MethodPost, own, "", token, http.StatusOK},
		"a rebound name": {http.MethodPost, own, "evil.example.com", token, http.StatusForbidden},
		"a web page":     {http.MethodPost, own, "", page, http.StatusForbidden},
		"GET":            {http.MethodGet, own, "", token, http.StatusMethodNotAllowed},
		"two slashes":    {http.MethodPost, "//", "", http.Header{}, http.StatusBadRequest},
		"dots":           {http.MethodPost, "/a/../b", "", http.Header{}, http.StatusBadRequest},
	} {
		if got := send(t, tc.method, control.Endpoint+tc.path, tc.host, tc.header); got != tc.want {
			t.Errorf("%s: got %d, want %d", name, got, tc.want)
		}
	}
}

// TestKilledLocalAWSIsNotFound: its control file is still there, its port is somebody else's by now.
func TestKilledLocalAWSIsNotFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left := []byte(`{"endpoint":"http://127.0.0.1:1","token":"secret","accounts":[]}`)
	path := filepath.Join(dir, localaws.ControlFile)
	for _, name := range []string{path, filepath.Join(dir, "lock")} {
		if err := os.WriteFile(name, left, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if control, err := localaws.ReadControl(dir); err == nil || !strings.Contains(err.Error(), "no local AWS is running") {
		t.Errorf("got %+v, %v", control, err)
	}
	// Nor is it found while its successor has not opened its port yet.
	open(t, dir)
	if control, err := localaws.ReadControl(dir); err == nil || !strings.Contains(err.Error(), "no local AWS is running") {
		t.Errorf("with a successor: got %+v, %v", control, err)
	}
}

// TestControlFileIsTheOwners: whoever could read an old file, or still has it open, does not see the new one.
func TestControlFileIsTheOwners(t *testing.T) {
	t.Parallel()
	aws, _ := serve(t, t.TempDir(), "127.0.0.1:0")
	path := filepath.Join(aws.Dir(), localaws.ControlFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := aws.WriteControl(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// TestOneDirectoryByAnyName: a symbolic link leads to the same lock and the same processes.
func TestOneDirectoryByAnyName(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir, link := filepath.Join(parent, "data"), filepath.Join(parent, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := localaws.Open(t.Context(), localaws.Config{Dir: link}); !errors.Is(err, localaws.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	if err := aws.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	byLink, err := localaws.Open(t.Context(), localaws.Config{Dir: link})
	if err != nil {
		t.Fatal(err)
	}
	if byLink.Dir() != aws.Dir() {
		t.Errorf("%s and %s are two directories", byLink.Dir(), aws.Dir())
	}
	if err := byLink.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := localaws.StopKept(t.Context(), link, true); err != nil && !errors.Is(err, node.ErrUnsupported) {
		t.Fatal(err)
	}
	for _, path := range []string{dir, link} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}

// TestKeysLikePathsOfOtherServices: an anonymous request to a bucket's host is S3's, whatever its key looks like.
func TestKeysLikePathsOfOtherServices(t *testing.T) {
	t.Parallel()
	aws := openWith(t, localaws.NodePolicy{})
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	for range 20 { // services were asked in no order
		url := aws.Endpoint() + "/v1/control-channel/i-00000000000000001"
		if status := send(t, http.MethodGet, url, "no-such-bucket.s3.eu-west-1.amazonaws.com", nil); status != http.StatusNotFound {
			t.Fatalf("got %d, want S3's 404", status)
		}
	}
}
