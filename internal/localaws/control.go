package localaws

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// ControlFile is the name of the file, in the data directory of a running local AWS, that tells the machine's owner
// how to reach it. Whoever can read it is the owner: it is made for that user alone.
const ControlFile = "local.json"

// Control is the content of the control file.
type Control struct {
	Endpoint string    `json:"endpoint"`
	Region   string    `json:"region"`
	Token    string    `json:"token"` // for the control endpoint
	Accounts []Account `json:"accounts"`
}

// Account is one account of the local AWS with its administrator's keys.
type Account struct {
	ID              string `json:"id"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// RoleCredentials are the keys of a role session, as the control endpoint gives them.
type RoleCredentials struct {
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	SessionToken    string    `json:"sessionToken"`
	Expires         time.Time `json:"expires"`
}

// What the control endpoint serves.
const (
	controlPath  = "/_slipway/role-credentials"
	accountsPath = "/_slipway/accounts"
	rolesPath    = "/_slipway/roles"
	snapshotPath = "/_slipway/snapshot"
)

// control serves the machine's owner: what needs no AWS credentials, but the token of the control file.
type control struct {
	aws  *AWS
	mu   sync.Mutex // guards file
	file Control
}

func newControl(a *AWS, random io.Reader) (*control, error) {
	token := make([]byte, 24)
	if _, err := io.ReadFull(random, token); err != nil {
		return nil, fmt.Errorf("local AWS: %w", err)
	}
	return &control{aws: a, file: Control{Token: hex.EncodeToString(token)}}, nil
}

func (c *control) addAccount(id string, keys iam.Keys) {
	c.mu.Lock()
	defer c.mu.Unlock()
	account := Account{ID: id, AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}
	for i, known := range c.file.Accounts {
		if known.ID == id {
			c.file.Accounts[i] = account // the administrator may have other keys by now
			return
		}
	}
	c.file.Accounts = append(c.file.Accounts, account)
}

// accounts are all accounts that exist by now: those that this run was given first, then the others in the order in which
// they were made.
func (a *AWS) accounts(ctx context.Context) ([]Account, error) {
	ids, err := a.iam.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, err := a.EnsureAccount(ctx, id); err != nil {
			return nil, err
		}
	}
	a.control.mu.Lock()
	defer a.control.mu.Unlock()
	return slices.Clone(a.control.file.Accounts), nil
}

// WriteControl writes the control file, so that `slipway local env` finds this local AWS. region is the default that
// clients are given; empty means that of the first instance.
func (a *AWS) WriteControl(ctx context.Context, region string) (Control, error) {
	if _, err := a.accounts(ctx); err != nil {
		return Control{}, err
	}
	if region == "" {
		var err error
		if region, err = a.firstRegion(ctx); err != nil {
			return Control{}, err
		}
	}
	c := a.control
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.file.Accounts) == 0 {
		return Control{}, fmt.Errorf("the local AWS in %s has no account", a.config.Dir)
	}
	c.file.Endpoint, c.file.Region = a.endpoint, region
	content, err := json.MarshalIndent(c.file, "", "  ")
	if err != nil {
		return Control{}, err
	}
	file := c.file
	file.Accounts = slices.Clone(file.Accounts)
	return file, writeSecret(filepath.Join(a.config.Dir, ControlFile), append(content, '\n'))
}

// writeSecret puts a new file for its owner alone in the place of path: one that is there may be open to others.
func writeSecret(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func (a *AWS) firstRegion(ctx context.Context) (string, error) {
	instances, err := a.ec2.All(ctx)
	if err != nil || len(instances) == 0 {
		return "us-east-1", err
	}
	return instances[0].Region, nil
}

func removeControl(dir string) error {
	err := os.Remove(filepath.Join(dir, ControlFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// handler puts the control endpoint in front of the gateway, which sees all other requests as they came: a mux would
// answer some of them with a redirect.
func (c *control) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve := map[string]http.HandlerFunc{
			controlPath: c.roleCredentials, accountsPath: c.listAccounts, rolesPath: c.listRoles, snapshotPath: c.serveSnapshot, jobPath: c.newJob,
		}[r.URL.Path]
		github := strings.HasPrefix(r.URL.Path, githubPath) && serve == nil
		if serve == nil && !github {
			next.ServeHTTP(w, r)
			return
		}
		if refused := c.aws.gateway.Guard(r); refused != nil {
			http.Error(w, refused.Error(), refused.HTTPStatus())
			return
		}
		if github { // for whoever has a job's token, or needs none
			c.serveGitHub(w, r)
			return
		}
		if r.Method != http.MethodPost {
			http.Error(w, "only POST", http.StatusMethodNotAllowed)
			return
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+c.file.Token)) != 1 {
			http.Error(w, "not authorized", http.StatusForbidden)
			return
		}
		serve(w, r)
	})
}

func (c *control) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.aws.config.Logf("local AWS: %v", err)
	}
}

// listAccounts gives the owner of the machine the accounts with their administrators' keys.
func (c *control) listAccounts(w http.ResponseWriter, r *http.Request) {
	accounts, err := c.aws.accounts(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.answer(w, accounts)
}

// listRoles gives the owner of the machine the names of an account's roles.
func (c *control) listRoles(w http.ResponseWriter, r *http.Request) {
	names, err := c.aws.iam.RoleNames(r.Context(), r.URL.Query().Get("account"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.answer(w, names)
}

// roleCredentials gives the owner of the machine a session of any role.
func (c *control) roleCredentials(w http.ResponseWriter, r *http.Request) {
	credentials, err := c.aws.ownerSession(r.Context(), r.URL.Query().Get("account"), r.URL.Query().Get("role"))
	var refused *gateway.Error
	switch {
	case errors.As(err, &refused):
		http.Error(w, refused.Error(), http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.answer(w, credentials)
}

// ownerSession makes a session of a role without asking its trust policy: it is a key to the back door, for the owner
// of the data directory, who could write it into the state as well. The event log says so.
func (a *AWS) ownerSession(ctx context.Context, account, name string) (RoleCredentials, error) {
	role, err := a.iam.Role(ctx, account, name)
	if err != nil {
		return RoleCredentials{}, err
	}
	now := time.Now()
	session := &iam.Session{Role: role, Name: "local-owner", Expires: now.Add(time.Hour)}
	if err := a.iam.PutSession(ctx, session); err != nil {
		return RoleCredentials{}, err
	}
	err = a.events.Record(ctx, gateway.Event{
		EventVersion: "1.11", EventTime: now, EventSource: "slipway.local", EventName: "IssueRoleCredentials",
		EventType: "AwsServiceEvent", RecipientAccountID: account,
		UserIdentity: gateway.UserIdentity{Type: "Unknown", PrincipalID: "owner of the data directory"},
		Resources:    []gateway.EventResource{{ARN: role.ARN(), AccountID: account}},
	})
	return RoleCredentials{session.AccessKeyID, session.SecretAccessKey, session.Token, session.Expires}, err
}

// ReadControl finds the local AWS that runs on a data directory. The file that one left which was killed is not
// believed: somebody else may have its port by now, and must not be sent the token.
func ReadControl(dir string) (Control, error) {
	running, err := locked(dir)
	if err != nil {
		return Control{}, err
	}
	if !running {
		return Control{}, fmt.Errorf("no local AWS is running on %s", dir)
	}
	content, err := os.ReadFile(filepath.Join(dir, ControlFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Control{}, fmt.Errorf("no local AWS is running on %s", dir)
	}
	if err != nil {
		return Control{}, err
	}
	var c Control
	if err := json.Unmarshal(content, &c); err != nil {
		return Control{}, fmt.Errorf("%s: %w", filepath.Join(dir, ControlFile), err)
	}
	return c, nil
}

// Current asks the running local AWS for the accounts that exist by now: the control file has those of its start.
func (c Control) Current(ctx context.Context) (Control, error) {
	body, err := c.post(ctx, accountsPath)
	if err != nil {
		return Control{}, err
	}
	c.Accounts = nil
	return c, json.Unmarshal(body, &c.Accounts)
}

// Roles asks the running local AWS for the names of an account's roles.
func (c Control) Roles(ctx context.Context, account string) ([]string, error) {
	body, err := c.post(ctx, rolesPath+"?"+url.Values{"account": {account}}.Encode())
	if err != nil {
		return nil, err
	}
	var names []string
	return names, json.Unmarshal(body, &names)
}

// RoleCredentials asks the running local AWS for a session of a role, as the owner of the machine.
func (c Control) RoleCredentials(ctx context.Context, account, role string) (RoleCredentials, error) {
	query := url.Values{"account": {account}, "role": {role}}.Encode() // a name may have a + in it
	body, err := c.post(ctx, controlPath+"?"+query)
	if err != nil {
		return RoleCredentials{}, err
	}
	var credentials RoleCredentials
	return credentials, json.Unmarshal(body, &credentials)
}

// post asks the control endpoint for what is at path, its query included.
func (c Control) post(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("local AWS at %s: %w", c.Endpoint, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("local AWS at %s: %s", c.Endpoint, strings.TrimSpace(string(body)))
	}
	return body, nil
}
