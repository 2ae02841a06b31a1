package gateway

import (
	"context"
	"crypto/rsa"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// Service is one AWS service behind the gateway.
type Service struct {
	// Name is the signing name in the credential scope, and the IAM prefix: ssm, sts, iam, ec2, ec2messages.
	Name     string
	Protocol Protocol
	// Target is the X-Amz-Target prefix of a JSON service, without the dot: AmazonSSM.
	Target string
	// Version is the API version a Query service answers to, and Namespace its XML namespace.
	Version, Namespace string
	// Global services (iam) have one region, us-east-1, whatever region a client signs for.
	Global     bool
	Operations []Operation
	// AlsoJSON has a Query service answer AWS JSON as well, by Target: what newer clients of CloudWatch speak.
	AlsoJSON bool
	// MaxBody bounds the request bodies of a JSON or Query service, in bytes; 0 means 1 MB.
	MaxBody int
	// Route finds the operation that a request of a REST service means, from method, path, query and host. It is nil for
	// all other protocols. ok is false when the request is none of this service's.
	Route func(r *http.Request) (operation string, ok bool)
	// Failure writes an error of a REST service; nil means RESTXML's form, that of S3.
	Failure func(w http.ResponseWriter, requestID string, e *Error)
	// Streaming hands bodies on as they come, without a limit: S3's. They are signed by S3's rules and verified while the
	// operation reads them, so that one which has not met io.EOF knows nothing about the content. Trailing checksums
	// are in the request's Trailer then.
	Streaming bool
	// Unsigned lets requests without a signature in, as an anonymous caller.
	Unsigned bool
}

// Protocol is a service's wire protocol.
type Protocol uint8

// The protocols served so far.
const (
	JSON11   Protocol = iota // AWS JSON 1.1
	Query                    // AWS Query: form in, XML out
	EC2Query                 // the EC2 dialect of Query
	RESTXML                  // operations are methods and paths; errors are XML. See [RawOp]
)

// Operation is one API operation. Make it with [Op].
type Operation struct {
	Name string
	// Anonymous operations are served without a signature (AssumeRoleWithWebIdentity).
	Anonymous bool
	// OrUnsigned operations may come without a signature; one that is there is verified (RegisterManagedInstance).
	OrUnsigned bool
	// OrMachine operations may be signed with the key of a hybrid node. See [Machines].
	OrMachine bool
	// Exceptions say what of the operation is not honoured, for docs/local-aws.md. See [Operation.Except].
	Exceptions []string

	raw    func(context.Context, *Call, http.ResponseWriter, *http.Request) error
	lookAt func(context.Context, *Call, *http.Request) ([]Access, error)
	input  func() any
	access func(context.Context, *Call, any) ([]Access, error)
	handle func(context.Context, *Call, any) (any, error)
}

// Op ties an operation's wire structures to its access check and its handler.
//
// Input is decoded by field name: encoding/json for JSON11, the Query form for Query and EC2Query (lists as
// Name.member.N or Name.N; nested structures with dots). Output is written as JSON, or as XML with the same names;
// json and xml struct tags rename, "omitempty" leaves out; nil is always left out. A time is a [Time] in an input;
// in an output a time.Time does as well.
//
// access lists what the call needs; every entry must be allowed before handle runs. A nil access means that the
// operation needs no permission (sts:GetCallerIdentity) or authorises inside handle.
// An error from either that is an [*Error] goes to the client as it is; any other becomes InternalFailure, HTTP 500.
func Op[In, Out any](name string, access func(context.Context, *Call, *In) ([]Access, error), handle func(context.Context, *Call, *In) (*Out, error)) Operation {
	op := Operation{
		Name:  name,
		input: func() any { return new(In) },
		handle: func(ctx context.Context, c *Call, in any) (any, error) {
			out, err := handle(ctx, c, in.(*In))
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
	if access != nil {
		op.access = func(ctx context.Context, c *Call, in any) ([]Access, error) { return access(ctx, c, in.(*In)) }
	}
	return op
}

// Input makes a new, empty input of the operation, a pointer to its wire structure; nil for a [RawOp].
func (o Operation) Input() any {
	if o.input == nil {
		return nil
	}
	return o.input()
}

// AnonymousOp is [Op] for an operation that needs no signature.
func AnonymousOp[In, Out any](name string, handle func(context.Context, *Call, *In) (*Out, error)) Operation {
	op := Op(name, nil, handle)
	op.Anonymous = true
	return op
}

// RawOp is an operation of a REST service, which reads the request and writes the answer itself: S3's objects, and the
// web sockets of ssmmessages. The signature is verified and access decided before handle runs, as for every other operation.
//
// The body is at most 1 MB, except where [Service.Streaming] is set. The event is recorded when the answer begins
// (WriteHeader, the first Write, or Hijack), with the error that [Call.Fail] was told before. An error from handle is
// written in the service's form if no answer has begun.
func RawOp(name string, access func(context.Context, *Call, *http.Request) ([]Access, error), handle func(context.Context, *Call, http.ResponseWriter, *http.Request) error) Operation {
	return Operation{Name: name, lookAt: access, raw: handle}
}

// Except adds what of the operation is not honoured, in words for docs/local-aws.md: "AlarmConfiguration is refused".
func (o Operation) Except(notes ...string) Operation {
	o.Exceptions = append(slices.Clone(o.Exceptions), notes...)
	return o
}

// Access is one permission that a call needs.
type Access struct {
	// Action defaults to the operation's own, service:Operation.
	Action string
	// Resource is the ARN. Empty for an action without resource types: it is then checked, and named in a
	// denial, as arn:aws:<service>:<region>:<account>:*, as AWS does.
	Resource string
	// Account that owns the resource; empty means the caller's.
	Account string
	// Context holds the condition keys that this resource adds, for example ssm:resourceTag/App.
	Context map[string][]string
	// Trust is set when the call assumes a role: the role's trust policy.
	Trust *iam.Policy
	// Policy is the resource's own policy (a bucket's); nil when it has none.
	Policy *iam.Policy
	// RCPs apply to the resource, by level; nil means those of its account's organization.
	RCPs [][]*iam.Policy
}

// Caller is the principal who signed a request.
type Caller struct {
	iam.Principal
	// AccessKeyID that signed; empty for anonymous calls.
	AccessKeyID string
	// UserID is what GetCallerIdentity gives: AIDA… for a user, AROA…:session for a role session.
	UserID string
	// SourceIdentity of a role session, and the tags of a user or of a role and its session.
	SourceIdentity string
	SessionTags    map[string]string
	// TransitiveTags are the keys of the session tags that sessions made by this one get as well.
	TransitiveTags []string
	// SourceInstance is the ARN of the instance that a role session was issued to; empty for all other sessions,
	// whatever they are named.
	SourceInstance string
	// Issued is when the token of a role session was issued; zero for a user, and where it is not known any more.
	Issued time.Time
}

// Call is one request on its way through the gateway.
type Call struct {
	RequestID string
	Service   string // signing name
	Operation string
	Region    string
	Caller    Caller
	// RegionGiven tells that the request named the region, in its signature or its host.
	RegionGiven bool
	Time        time.Time
	SourceIP    string
	UserAgent   string
	// KeyProof is how an instance shows, beside its signature, that it has the key it registered.
	KeyProof KeyProof
	// WebIdentity is set by the handler of an anonymous operation that has verified a token, for the event.
	WebIdentity *WebIdentity

	protocol Protocol
	// gw authorises and records; unexported so that services cannot go around it.
	gw *Gateway
	// mu guards checks: a handler may decide for many nodes at once.
	mu sync.Mutex
	// checks records every Access that was asked for and its decision, for the event log.
	checks []Check
	// late, once the call is recorded, records a decision that came after the answer.
	late func(Check)
	// params are what the event of a raw operation shows as its requestParameters.
	params any
	failed *Error
}

// Fail notes that a raw operation is about to answer with an error, for the event.
func (c *Call) Fail(e *Error) { c.failed = e }

// Describe notes what the event of a raw operation shows as its requestParameters: a struct, or
// a map with names in CloudTrail's spelling (bucketName).
func (c *Call) Describe(params any) { c.params = params }

// Credential is what the gateway must know of an access key to verify a signature.
type Credential struct {
	Secret       string
	SessionToken string    // empty for long-lived keys
	Expires      time.Time // zero for long-lived keys
	Caller       Caller
}

// Directory answers the gateway's two questions about principals. The local IAM implements it.
type Directory interface {
	// Credential finds an access key; ok is false when there is none.
	Credential(ctx context.Context, accessKeyID string) (cred Credential, ok bool, err error)
	// Policies gives the identity, boundary and session policies that apply to the caller.
	Policies(ctx context.Context, caller Caller) (*iam.PolicySet, error)
}

// KeyProof is the header SSM-AsymmetricKeyAuthorization, which signs the Authorization header with the key of a machine.
type KeyProof struct{ Authorization, Signature string }

// Valid tells whether the proof was made with key.
func (p KeyProof) Valid(key *rsa.PublicKey) bool {
	signature, ok := strings.CutPrefix(p.Signature, "Signature=")
	return ok && p.Authorization != "" && sigv4.VerifyPSS(key, p.Authorization, signature)
}

// Machines knows the keys that hybrid nodes registered, by region and node id.
type Machines interface {
	// Machine finds a node; ok is false when there is none. Its caller has no policies: it may do only what the
	// operations that are OrMachine give it.
	Machine(ctx context.Context, region, id string) (key *rsa.PublicKey, caller Caller, ok bool, err error)
}

// Error is an error of the AWS API, written in the shape of the service's protocol.
type Error struct {
	Code    string // InvalidInstanceId, AccessDeniedException, …
	Message string
	Status  int // HTTP status; 0 means 400
	// Details are further elements of an error of S3, in order: Region, BucketName.
	Details []Detail
}

// Detail is an element of an [Error].
type Detail struct{ Name, Value string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// HTTPStatus is the status to answer with.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}
