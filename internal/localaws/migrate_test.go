package localaws_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// oldState makes a data directory with the state that a version of slipway had, from testdata.
func oldState(t *testing.T, version string) string {
	t.Helper()
	script, err := os.ReadFile("testdata/state-" + version + ".sql")
	check(t, err)
	dir := t.TempDir()
	db, err := store.Open(dir)
	check(t, err)
	_, err = db.ExecContext(t.Context(), string(script))
	check(t, errors.Join(err, db.Close()))
	return dir
}

// TestOldState: a state of before steps of the schema were remembered is opened, brought up to date, and has what it had.
// It is opened twice: the second time there is nothing left to do.
func TestOldState(t *testing.T) {
	t.Parallel()
	dir := oldState(t, "8916bc8")
	for range 2 {
		aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir, Logf: t.Logf})
		check(t, err)
		keys, err := aws.EnsureAccount(t.Context(), account)
		check(t, err)
		if keys.AccessKeyID != "AKIAZIYAZNSLKUQEDLP4" {
			t.Errorf("the administrator has another key: %s", keys.AccessKeyID)
		}
		check(t, aws.Serve("127.0.0.1:0"))
		w, err := dial(aws.Endpoint(), sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey})
		check(t, err)
		askOldState(t, w)
		_ = w.conn.Close()
		events, err := aws.Events().List(t.Context(), gateway.Filter{Name: "UpdateInstanceInformation", Limit: 1})
		if err != nil || len(events) != 1 || !strings.Contains(events[0].UserIdentity.ARN, "web-dev-Node") {
			t.Errorf("events %+v, %v", events, err)
		}
		check(t, aws.Close(t.Context()))
	}
}

// askOldState asks for what testdata/state-8916bc8.sql holds.
func askOldState(t *testing.T, w *wire) {
	t.Helper()
	for operation, want := range map[string]struct {
		in   any
		text string
	}{
		"GetDocument":                 {map[string]string{"Name": "web-dev-release"}, "Made by slipway. Runs release.sh"},
		"ListCommands":                {map[string]string{}, `"CommandId":"5a3c47ef-830e-419b-8a14-3d267dfddf71"`},
		"DescribeInstanceInformation": {map[string]string{}, "i-09b6b8fab4570c15d"},
		"GetCommandInvocation": {map[string]string{"CommandId": "5a3c47ef-830e-419b-8a14-3d267dfddf71",
			"InstanceId": "i-042cc2b6119cbf87c", "PluginName": "release"}, `"StatusDetails":"Success"`},
	} {
		var got rawJSON
		if err := w.ask("ssm", operation, want.in, &got); err != nil || !strings.Contains(string(got), want.text) {
			t.Errorf("%s: %v, %s", operation, err, got)
		}
	}
	for operation, text := range map[string]string{
		"Action=GetRolePolicy&RoleName=web-dev-Node&PolicyName=node&Version=2010-05-08": "ssmmessages",
		"Action=GetInstanceProfile&InstanceProfileName=web-dev-Node&Version=2010-05-08": "<RoleName>web-dev-Node</RoleName>",
		"Action=ListOpenIDConnectProviders&Version=2010-05-08":                          "token.actions.githubusercontent.com",
	} {
		if got, err := w.form("iam", operation); err != nil || !strings.Contains(string(got), text) {
			t.Errorf("%s: %v, %s", operation, err, got)
		}
	}
}

// rawJSON keeps a JSON text as it is.
type rawJSON string

func (r *rawJSON) UnmarshalJSON(b []byte) error {
	*r = rawJSON(b)
	return nil
}

// TestNewerStateIsRefused: by what it says, whichever service it concerns, and it stays as it is.
func TestNewerStateIsRefused(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"iam", "ssm", "a service of later"} {
		dir := t.TempDir()
		aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir})
		check(t, err)
		check(t, aws.Close(t.Context()))
		db, err := store.Open(dir)
		check(t, err)
		_, err = db.ExecContext(t.Context(), `INSERT INTO store_migration (service, step) VALUES (?, 'later')`, service)
		check(t, errors.Join(err, db.Close()))
		if _, err := localaws.Open(t.Context(), localaws.Config{Dir: dir}); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "newer version of slipway") {
			t.Errorf("%s: %v", service, err)
		}
	}
}
