package awsclient

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const iamVersion = "2010-05-08"

// IAM reads roles, and changes nothing. Like [EC2] it is a client of its own: the SDK's has some 180 operations.
type IAM struct {
	Config aws.Config
	// Now dates the signatures.
	Now func() time.Time

	policies map[string]*LivePolicy // that were read already, by ARN
}

// LiveRole is a role, in the shape of GetAccountAuthorizationDetails.
type LiveRole struct {
	RoleName                 string
	Path                     string
	Arn                      string
	AssumeRolePolicyDocument string
	RolePolicyList           []LiveInline
	AttachedManagedPolicies  []LiveAttached
	InstanceProfileList      []LiveProfile
	PermissionsBoundary      *LiveBoundary `json:",omitempty"`
}

// LiveInline is an inline policy. Documents are URL-encoded, as IAM gives them.
type LiveInline struct{ PolicyName, PolicyDocument string }

// LiveAttached is the name of an attached managed policy.
type LiveAttached struct {
	PolicyName string
	PolicyArn  string
}

// LiveProfile is an instance profile.
type LiveProfile struct{ InstanceProfileName string }

// LiveBoundary names a permissions boundary.
type LiveBoundary struct{ PermissionsBoundaryArn string }

// LivePolicy is a managed policy with its default version.
type LivePolicy struct {
	Arn               string
	PolicyVersionList []LiveVersion
}

// LiveVersion is a version of a managed policy.
type LiveVersion struct {
	VersionID        string `json:"VersionId"`
	IsDefaultVersion bool
	Document         string
}

// Account is the account of the credentials.
func (c *IAM) Account(ctx context.Context) (string, error) {
	if c.Config.Credentials != nil { // by themselves, so that NoCredentials can tell what is wrong with them
		if _, err := c.Config.Credentials.Retrieve(ctx); err != nil {
			return "", fmt.Errorf("get credentials: %w", err)
		}
	}
	out, err := sts.NewFromConfig(c.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Account), nil
}

// Role reads a role with all its policies. It is nil where the account has no such role. Errors are the SDK's.
func (c *IAM) Role(ctx context.Context, name string) (*LiveRole, error) {
	var role struct {
		Role struct {
			RoleName, Path, Arn, AssumeRolePolicyDocument string
			PermissionsBoundary                           LiveBoundary
		} `xml:"GetRoleResult>Role"`
	}
	err := c.ask(ctx, "GetRole", url.Values{"RoleName": {name}}, &role)
	var api smithy.APIError
	if errors.As(err, &api) && (api.ErrorCode() == "NoSuchEntity" || api.ErrorCode() == "NoSuchEntityException") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &LiveRole{
		RoleName: role.Role.RoleName, Path: role.Role.Path, Arn: role.Role.Arn, AssumeRolePolicyDocument: role.Role.AssumeRolePolicyDocument,
	}
	if b := role.Role.PermissionsBoundary; b.PermissionsBoundaryArn != "" {
		r.PermissionsBoundary = &b
	}
	if err := c.inline(ctx, r); err != nil {
		return nil, err
	}
	return r, c.attached(ctx, r)
}

// inline reads the role's own policies.
func (c *IAM) inline(ctx context.Context, r *LiveRole) error {
	var names []string
	err := c.pages(ctx, "ListRolePolicies", url.Values{"RoleName": {r.RoleName}}, func() (any, func()) {
		var a struct {
			Names []string `xml:"ListRolePoliciesResult>PolicyNames>member"`
		}
		return &a, func() { names = append(names, a.Names...) }
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		var a struct {
			PolicyDocument string `xml:"GetRolePolicyResult>PolicyDocument"`
		}
		if err := c.ask(ctx, "GetRolePolicy", url.Values{"RoleName": {r.RoleName}, "PolicyName": {name}}, &a); err != nil {
			return err
		}
		r.RolePolicyList = append(r.RolePolicyList, LiveInline{name, a.PolicyDocument})
	}
	return nil
}

// attached lists the role's managed policies and its instance profiles.
func (c *IAM) attached(ctx context.Context, r *LiveRole) error {
	err := c.pages(ctx, "ListAttachedRolePolicies", url.Values{"RoleName": {r.RoleName}}, func() (any, func()) {
		var a struct {
			List []LiveAttached `xml:"ListAttachedRolePoliciesResult>AttachedPolicies>member"`
		}
		return &a, func() { r.AttachedManagedPolicies = append(r.AttachedManagedPolicies, a.List...) }
	})
	if err != nil {
		return err
	}
	return c.pages(ctx, "ListInstanceProfilesForRole", url.Values{"RoleName": {r.RoleName}}, func() (any, func()) {
		var a struct {
			List []LiveProfile `xml:"ListInstanceProfilesForRoleResult>InstanceProfiles>member"`
		}
		return &a, func() { r.InstanceProfileList = append(r.InstanceProfileList, a.List...) }
	})
}

// Policy reads the default version of a managed policy.
func (c *IAM) Policy(ctx context.Context, arn string) (*LivePolicy, error) {
	if p := c.policies[arn]; p != nil {
		return p, nil
	}
	var policy struct {
		Default string `xml:"GetPolicyResult>Policy>DefaultVersionId"`
	}
	if err := c.ask(ctx, "GetPolicy", url.Values{"PolicyArn": {arn}}, &policy); err != nil {
		return nil, err
	}
	var version struct {
		Document string `xml:"GetPolicyVersionResult>PolicyVersion>Document"`
	}
	if err := c.ask(ctx, "GetPolicyVersion", url.Values{"PolicyArn": {arn}, "VersionId": {policy.Default}}, &version); err != nil {
		return nil, err
	}
	p := &LivePolicy{Arn: arn, PolicyVersionList: []LiveVersion{{policy.Default, true, version.Document}}}
	if c.policies == nil {
		c.policies = map[string]*LivePolicy{}
	}
	c.policies[arn] = p
	return p, nil
}

// more is the end of a page: any operation's result has it.
type more struct {
	Results []struct {
		Truncated bool   `xml:"IsTruncated"`
		Marker    string `xml:"Marker"`
	} `xml:",any"`
}

func (m *more) next() string {
	for _, r := range m.Results {
		if r.Truncated {
			return r.Marker
		}
	}
	return ""
}

// maxPages bounds a list: a role has at most some twenty policies.
const maxPages = 50

// pages reads all pages of a list.
func (c *IAM) pages(ctx context.Context, action string, form url.Values, fresh func() (any, func())) error {
	for range maxPages {
		answer, take := fresh()
		var end more
		if err := c.ask(ctx, action, form, answer, &end); err != nil {
			return err
		}
		take()
		marker := end.next()
		if marker == "" {
			return nil
		}
		form.Set("Marker", marker)
	}
	return fmt.Errorf("%s: more than %d pages", action, maxPages)
}

// attempts is how often a question is asked that a service is too busy to answer: reading changes nothing.
const attempts = 4

func (c *IAM) ask(ctx context.Context, action string, form url.Values, answers ...any) error {
	form.Set("Action", action)
	form.Set("Version", iamVersion)
	var err error
	for i := range attempts {
		if err = c.once(ctx, form, answers); err == nil || !busy(err) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond << i):
		}
	}
	if err != nil {
		return &smithy.OperationError{ServiceID: "IAM", OperationName: action, Err: err}
	}
	return nil
}

// busy says whether a service may answer later.
func busy(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && strings.Contains(api.ErrorCode(), "Throttl") {
		return true
	}
	var resp *smithyhttp.ResponseError
	return errors.As(err, &resp) && resp.HTTPStatusCode() >= http.StatusInternalServerError
}

func (c *IAM) once(ctx context.Context, form url.Values, answers []any) error {
	resp, err := sendQuery(ctx, c.Config, iamService(c.Config.Region), c.Now(), form.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	if resp.StatusCode != http.StatusOK {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: decodeQueryError(body)}
	}
	for _, answer := range answers {
		if err := xml.Unmarshal(body, answer); err != nil {
			return &smithy.DeserializationError{Err: err, Snapshot: body[:min(len(body), 1024)]}
		}
	}
	return nil
}

// iamService is IAM's one endpoint of a partition, and the region that signs for it (AWS General Reference, "AWS Identity
// and Access Management endpoints and quotas").
func iamService(region string) queryService {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return queryService{id: "IAM", signing: "iam", region: "cn-north-1", host: "iam.cn-north-1.amazonaws.com.cn"}
	case strings.HasPrefix(region, "us-gov-"):
		return queryService{id: "IAM", signing: "iam", region: "us-gov-west-1", host: "iam.us-gov.amazonaws.com"}
	}
	return queryService{id: "IAM", signing: "iam", region: "us-east-1", host: "iam.amazonaws.com"}
}

// decodeQueryError reads the error document of the Query protocol.
func decodeQueryError(body []byte) error {
	var doc struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil || doc.Code == "" {
		return &smithy.GenericAPIError{Code: "UnknownError", Message: "the answer is not an error document of IAM"}
	}
	return &smithy.GenericAPIError{Code: doc.Code, Message: doc.Message}
}

// Denied tells that AWS refused a question, and has its own words.
func Denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorCode(), "AccessDenied")
}
