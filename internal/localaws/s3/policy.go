package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// compiled is a bucket policy that is ready to be evaluated.
type compiled struct {
	text   string
	policy *iam.Policy
	public bool
}

// policyFor gives the bucket policy that counts for a caller; nil when there is none. A bucket whose public access is
// restricted has none for strangers while its policy is public.
func (s *Service) policyFor(b *bucket, caller gateway.Caller) *iam.Policy {
	if b.settings.Policy == "" {
		return nil
	}
	c := s.compiledPolicy(b)
	stranger := caller.Account != b.account && caller.Kind != iam.PrincipalService
	if access := b.settings.PublicAccess; c.public && stranger && access != nil && access.RestrictPublicBuckets {
		return closed
	}
	return c.policy
}

// compiledPolicy compiles a policy once. One that is stored has been compiled before; should it ever not compile, it
// allows nothing.
func (s *Service) compiledPolicy(b *bucket) *compiled {
	if known, ok := s.policies.Load(b.id); ok {
		if c, ok := known.(*compiled); ok && c.text == b.settings.Policy {
			return c
		}
	}
	c := &compiled{text: b.settings.Policy}
	document, err := iam.Parse(policyName, []byte(c.text))
	if err == nil {
		c.policy, err = iam.Compile(document)
		c.public = isPublic(document)
	}
	if err != nil {
		c.policy, c.public = closed, true
	}
	s.policies.Store(b.id, c)
	return c
}

const policyName = "bucket policy"

// closed is for whom no bucket policy may allow anything.
var closed = mustCompile(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`)

func mustCompile(text string) *iam.Policy {
	p, err := iam.ParsePolicy("closed bucket", []byte(text))
	if err != nil {
		panic(err) // of a constant
	}
	return p
}

// getPolicy is GetBucketPolicy.
func getPolicy(_ context.Context, q *request) error {
	if err := q.ownersOnly(); err != nil {
		return err
	}
	if q.bucket.settings.Policy == "" {
		return fail("NoSuchBucketPolicy", detail("BucketName", q.name))
	}
	q.w.Header().Set("Content-Type", "application/json")
	q.w.WriteHeader(http.StatusOK)
	_, err := q.w.Write([]byte(q.bucket.settings.Policy))
	return gone(err)
}

// ownersOnly refuses whoever has the permission and is not of the bucket's account ("PutBucketPolicy", S3 API reference).
func (q *request) ownersOnly() error {
	if q.Caller.Account != q.bucket.account {
		return fail("MethodNotAllowed", detail("Method", q.r.Method), detail("ResourceType", "BUCKETPOLICY"))
	}
	return nil
}

// putPolicy is PutBucketPolicy.
func putPolicy(ctx context.Context, q *request) error {
	if err := q.ownersOnly(); err != nil {
		return err
	}
	document, err := q.readPolicy()
	if err != nil {
		return err
	}
	return q.configure(ctx, http.StatusNoContent, func(s *settings) error {
		if s.PublicAccess != nil && s.PublicAccess.BlockPublicPolicy && isPublic(document) {
			return &gateway.Error{Code: "AccessDenied", Status: http.StatusForbidden,
				Message: "User: " + q.Caller.ARN + " is not authorized to perform: s3:PutBucketPolicy on resource: \"" + bucketARN(q.name) +
					"\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."}
		}
		s.Policy = string(q.body)
		return nil
	})
}

// SetPolicy puts a policy on a bucket, as the account's owner would.
func (s *Service) SetPolicy(ctx context.Context, account, name string, text []byte) error {
	b, err := findBucket(ctx, s.db, name)
	switch {
	case errors.Is(err, errNoBucket) || err == nil && b.account != account:
		return fmt.Errorf("bucket %s: account %s has none of that name", name, account)
	case err != nil:
		return err
	}
	q := &request{name: name, body: text}
	if _, err := q.readPolicy(); err != nil {
		return fmt.Errorf("policy of bucket %s: %w", name, err)
	}
	return s.configure(ctx, b, func(to *settings) error { to.Policy = string(text); return nil })
}

// maxPolicy is the size of the longest bucket policy, in bytes.
const maxPolicy = 20 << 10

// readPolicy checks a bucket policy as S3 does when it is stored.
func (q *request) readPolicy() (*iam.Document, error) {
	if len(q.body) == 0 {
		return nil, fail("MissingRequestBodyError")
	}
	if len(q.body) > maxPolicy {
		return nil, failf("MalformedPolicy", "The policy is too large. It must be at most 20 KB.")
	}
	document, err := iam.Parse(policyName, q.body)
	if err != nil {
		return nil, failf("MalformedPolicy", "%s", policyMessage(err))
	}
	if findings := document.Validate(iam.BucketPolicy); len(findings) > 0 {
		return nil, failf("MalformedPolicy", "%s", policyMessage(findings[0]))
	}
	for i := range document.Statements {
		if err := checkResources(&document.Statements[i], q.name); err != nil {
			return nil, err
		}
	}
	if _, err := iam.Compile(document); err != nil {
		return nil, failf("MalformedPolicy", "%s", policyMessage(err))
	}
	return document, nil
}

func policyMessage(err error) string {
	var syntax *iam.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Error()
	}
	return err.Error()
}

// checkResources refuses resources that are not the bucket's, and actions that have nothing to do with S3.
func checkResources(st *iam.Statement, bucket string) error {
	for _, resource := range slices.Concat(st.Resources, st.NotResources) {
		rest, ok := strings.CutPrefix(resource, "arn:aws:s3:::")
		if name, _, _ := strings.Cut(rest, "/"); !ok || name != bucket {
			return failf("MalformedPolicy", "Policy has invalid resource")
		}
	}
	for _, action := range slices.Concat(st.Actions, st.NotActions) {
		if prefix, _, _ := strings.Cut(strings.ToLower(action), ":"); prefix != "s3" && action != "*" {
			return failf("MalformedPolicy", "Policy has invalid action")
		}
	}
	return nil
}

// deletePolicy is DeleteBucketPolicy.
func deletePolicy(ctx context.Context, q *request) error {
	if err := q.ownersOnly(); err != nil {
		return err
	}
	return q.configure(ctx, http.StatusNoContent, func(s *settings) error { s.Policy = ""; return nil })
}

type policyStatus struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PolicyStatus"`
	IsPublic bool
}

// getPolicyStatus is GetBucketPolicyStatus.
func getPolicyStatus(_ context.Context, q *request) error {
	if err := q.ownersOnly(); err != nil {
		return err
	}
	if q.bucket.settings.Policy == "" {
		return fail("NoSuchBucketPolicy", detail("BucketName", q.name))
	}
	return q.answer(&policyStatus{IsPublic: q.s.compiledPolicy(q.bucket).public})
}

// isPublic tells whether a policy allows something to everybody ("The meaning of public", S3 user guide): a statement
// that allows it to * and has no condition that names, with fixed values, where requests come from. uncertain: what a
// negated or an IfExists operator does; it is taken to narrow nothing.
func isPublic(d *iam.Document) bool {
	return slices.ContainsFunc(d.Statements, func(st iam.Statement) bool {
		return st.Effect == iam.Allow && forEverybody(st) && !slices.ContainsFunc(st.Conditions, narrows)
	})
}

func forEverybody(st iam.Statement) bool {
	if len(st.NotPrincipals) > 0 {
		return true
	}
	return slices.ContainsFunc(st.Principals, func(p iam.PrincipalPattern) bool {
		return p.Kind == iam.AnyPrincipal || p.Kind == iam.KindAWS && slices.Contains(p.Values, "*")
	})
}

// narrowing are the keys that make a statement for everybody one for some, if their values are fixed.
var narrowing = []string{"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:sourceaccount",
	"aws:sourcearn", "aws:sourceip", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce",
	"aws:userid", "s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:x-amz-server-side-encryption-aws-kms-key-id"}

func narrows(c iam.Condition) bool {
	operator := strings.ToLower(c.Operator)
	if _, name, ok := strings.Cut(operator, ":"); ok {
		operator = name
	}
	if !slices.Contains(narrowing, strings.ToLower(c.Key)) || strings.Contains(operator, "not") || strings.HasSuffix(operator, "ifexists") {
		return false
	}
	return !slices.ContainsFunc(c.Values, func(v string) bool {
		return strings.Contains(v, "*") || strings.Contains(v, "?") || strings.Contains(v, "${") || strings.HasSuffix(v, "/0")
	})
}
