package localaws

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/imds"
	"github.com/slipway-cd/slipway/internal/localaws/node"
)

// metadata is the source of an instance's metadata service. It keeps credentials as that does: one session serves
// all programs of the instance until half its life is over.
type metadata struct {
	aws      *AWS
	instance ec2.Instance // which one; what else it says may be out of date

	mu             sync.Mutex // guards what follows
	role, identity session
}

// session is credentials of a role, or of an instance, and when they are to be replaced.
type session struct {
	of    string // whose ARN
	keys  imds.Credentials
	renew time.Time
}

// errNoRole says that there is no instance profile, or none with a role.
var errNoRole = errors.New("the instance has no role")

var _ imds.Source = (*metadata)(nil)

// newMetadata makes the metadata service of an instance.
func (a *AWS) newMetadata(instance ec2.Instance) (*nodeMetadata, error) {
	source := &metadata{aws: a, instance: instance}
	handler, err := imds.New(source, time.Now, rand.Reader, func(err error) { a.config.Logf("node %s: %v", instance.ID, err) })
	return &nodeMetadata{handler, source}, err
}

// Instance describes the instance as EC2 has it now.
func (m *metadata) Instance(ctx context.Context) (imds.Instance, error) {
	i, err := m.now(ctx)
	if err != nil {
		return imds.Instance{}, err
	}
	userData, err := base64.StdEncoding.DecodeString(i.UserData)
	if err != nil {
		return imds.Instance{}, fmt.Errorf("user data: %w", err)
	}
	out := imds.Instance{
		ID: i.ID, Account: i.Account, Region: i.Region, Zone: i.Zone, ImageID: i.ImageID, Type: i.Type, Index: i.Index,
		Architecture: architectures[runtime.GOARCH], PrivateIP: i.PrivateIP, HostName: hostName(i) + "." + i.Region + ".compute.internal",
		Launched: i.Launched, UserData: string(userData),
		Disabled: i.Metadata.HTTPEndpoint == "disabled", TokensOptional: i.Metadata.HTTPTokens == "optional",
	}
	if i.Metadata.Tags == "enabled" {
		out.Tags = i.Tags
	}
	profile, found, err := m.profile(ctx, i)
	if found {
		out.ProfileARN, out.ProfileID = profile.ARN, profile.ID
	}
	if profile.RoleARN != "" {
		out.RoleName = path.Base(profile.RoleARN)
	}
	return out, err
}

// profile is not found when the instance has none, or it was deleted since.
func (m *metadata) profile(ctx context.Context, i ec2.Instance) (profile ec2.Profile, found bool, err error) {
	if i.ProfileARN == "" {
		return profile, false, nil
	}
	return m.aws.iam.InstanceProfile(ctx, i.Account, path.Base(i.ProfileARN))
}

// architectures are EC2's names of them.
var architectures = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// hostName is the name that EC2 gives a machine by its address.
func hostName(i ec2.Instance) string {
	if i.PrivateIP == "" {
		return i.ID
	}
	return "ip-" + strings.ReplaceAll(i.PrivateIP, ".", "-")
}

func (m *metadata) now(ctx context.Context) (ec2.Instance, error) {
	i, err := m.aws.ec2.Instance(ctx, m.instance.Account, m.instance.Region, m.instance.ID)
	return i.Complete(), err
}

// RoleCredentials gives those of the instance profile's role, which EC2 assumes if the role's trust policy lets it.
func (m *metadata) RoleCredentials(ctx context.Context) (imds.Credentials, error) {
	i, err := m.now(ctx)
	if err != nil {
		return imds.Credentials{}, err
	}
	profile, _, err := m.profile(ctx, i)
	if err != nil || profile.RoleARN == "" {
		return imds.Credentials{}, cmp.Or(err, errNoRole)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if good, err := m.good(ctx, m.role, profile.RoleARN); good || err != nil {
		return m.role.keys, err
	}
	c, err := m.aws.instanceCredentials(ctx, i)
	var refused *gateway.Error
	if errors.As(err, &refused) {
		return imds.Credentials{Issued: time.Now(), Denied: "EC2 cannot assume the role " + path.Base(profile.RoleARN) + ": " + refused.Message}, nil
	}
	if err != nil {
		return imds.Credentials{}, err
	}
	m.role = newSession(profile.RoleARN, c)
	return m.role.keys, nil
}

// IdentityCredentials gives those by which Systems Manager knows the instance.
func (m *metadata) IdentityCredentials(ctx context.Context) (imds.Credentials, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if good, err := m.good(ctx, m.identity, m.instance.ARN()); good || err != nil {
		return m.identity.keys, err
	}
	c, err := m.aws.sts.IssueInstanceIdentity(ctx, m.instance.ARN())
	if err != nil {
		return imds.Credentials{}, err
	}
	m.identity = newSession(m.instance.ARN(), node.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey,
		SessionToken: c.SessionToken, Expires: c.Expires})
	return m.identity.keys, nil
}

// newSession is to be renewed when half its life is over.
func newSession(of string, c node.Credentials) session {
	now := time.Now()
	return session{of, imds.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, Token: c.SessionToken,
		Issued: now, Expires: c.Expires}, now.Add(c.Expires.Sub(now) / 2)}
}

// good tells whether a session is of that role or instance, lasts, and still is one: its role may have been deleted.
func (m *metadata) good(ctx context.Context, s session, of string) (bool, error) {
	if s.of != of || !time.Now().Before(s.renew) {
		return false, nil
	}
	_, known, err := m.aws.iam.Credential(ctx, s.keys.AccessKeyID)
	return known, err
}
