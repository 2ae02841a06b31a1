// Package plan computes the list of AWS API calls that a release makes.
//
// The plan is the one source: roles, proof, rehearsal, shipping and the documentation are derived from it. A call
// that is made and not listed here is a bug, and every test that ships anything compares the calls that the local
// AWS recorded with the plan ([Plan.Compare]). The package is pure.
package plan

// Plan is everything that a release does, stage by stage.
type Plan struct {
	App string `json:"app"`
	// Record is where locks and history are kept; nil when the release keeps none.
	Record *Record `json:"record,omitempty"`
	// Boundary is the text of the roles' permissions boundary, in JSON; empty where they have none.
	Boundary string  `json:"boundary,omitempty"`
	Stages   []Stage `json:"stages"`
}

// Stage is the calls of one stage, with what they act on.
type Stage struct {
	Name    string `json:"name"`
	Account string `json:"account"` // the 12-digit id
	Region  string `json:"region"`
	Roles   []Role `json:"roles"`
	Steps   []Step `json:"steps"`
	// Automations and Tests come between the steps: each says after how many of them.
	Automations []Automation `json:"automations,omitempty"`
	Tests       []Test       `json:"tests,omitempty"`
	// Calls in the order in which a deploy makes them first; the nodes' own calls last.
	Calls   []Call  `json:"calls"`
	Targets Targets `json:"targets"`
	// OnFailure is stop or rollback.
	OnFailure string `json:"onFailure,omitempty"`
	// Hooks run where slipway runs. They are no calls of the deploy's; what they call AWS for is their own.
	Hooks Hooks `json:"hooks,omitzero"`
}

// Hooks are the programs that run before anything is sent and after the verdict; nil where there is none.
type Hooks struct {
	Before *Hook `json:"before,omitempty"`
	After  *Hook `json:"after,omitempty"`
}

// Hook is a program of the repository: a plan that was reviewed is of this text of it.
type Hook struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // lower-case hex
}

// Record is the bucket of the release: release.Record as the plan needs it.
type Record struct {
	Bucket  string `json:"bucket"`
	Account string `json:"account"` // the 12-digit id of the account that owns the bucket
	Region  string `json:"region"`
	// Lease of a stage's lock, in seconds.
	Lease int `json:"lease"`
}

// Targets is release.Targets as the plan needs it. An Auto Scaling group is the tag aws:autoscaling:groupName.
type Targets struct {
	Instances []string `json:"instances,omitempty"`
	Tags      []Tag    `json:"tags,omitempty"`
	Min       int      `json:"min"`
}

// Tag is a tag key and its possible values.
type Tag struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

// Step is one command: one SendCommand, or several where its rollout says so.
type Step struct {
	Name string `json:"name"`
	// Document that is sent: its own, or the name of a shared one when Own is nil.
	DocumentName string    `json:"documentName"`
	Own          *Document `json:"own,omitempty"`
	// Parameters of SendCommand, in SSM's form.
	Parameters map[string][]string `json:"parameters,omitempty"`
	// ScriptSteps are the document's step names in order (GetCommandInvocation's PluginName); for a shared
	// document the one plugin name, aws:runShellScript.
	ScriptSteps []string `json:"scriptSteps"`
	// DeliveryTimeout is SendCommand's TimeoutSeconds (30..2592000) and ExecutionTimeout the sum of the
	// steps' own limits, both in seconds. A watch ends after both plus a grace time.
	DeliveryTimeout  int    `json:"deliveryTimeout"`
	ExecutionTimeout int    `json:"executionTimeout"`
	MaxConcurrency   string `json:"maxConcurrency"`
	MaxErrors        string `json:"maxErrors"`
	// Once sends the command to one node only.
	Once bool `json:"once,omitempty"`
	// Rollout says in which batches the nodes follow each other. The zero Rollout is one SendCommand to all of them.
	Rollout Rollout `json:"rollout,omitzero"`
	// Check is sent to the nodes of a batch after the rollout's pause; nil when there is none. It has no rollout of its
	// own.
	Check *Step `json:"check,omitempty"`
	// Output is where the agent writes all output; zero for nowhere.
	Output Output `json:"output,omitzero"`
	// Sources names the files of the release that the ScriptSteps came from, in their order, for messages that point at
	// a line.
	Sources []string `json:"sources,omitempty"`
	// Blobs are scripts too large for the document, which nodes fetch from the record's bucket.
	Blobs []Blob `json:"blobs,omitempty"`
}

// Automation is a runbook that is started.
type Automation struct {
	Name string `json:"name"`
	// After is how many of the stage's steps come before it.
	After int       `json:"after"`
	Own   *Document `json:"own"`
	// Parameters of StartAutomationExecution, the ARN of the runbook's role among them.
	Parameters map[string][]string `json:"parameters,omitempty"`
	Timeout    int                 `json:"timeout"` // in seconds
	// Source is the file of the release that the runbook came from.
	Source string `json:"source"`
}

// Test is a program that runs where slipway runs, with the credentials of the Test role.
type Test struct {
	Name string `json:"name"`
	// After is how many of the stage's steps come before it.
	After   int  `json:"after"`
	Run     Hook `json:"run"`
	Timeout int  `json:"timeout"` // in seconds
}

// Rollout is release.Rollout as the plan needs it.
type Rollout struct {
	// Batches are sizes: numbers of nodes, or percentages of all; the last is repeated.
	Batches []string `json:"batches,omitempty"`
	// Pause between batches, in seconds.
	Pause       int    `json:"pause,omitempty"`
	MaxFailures string `json:"maxFailures,omitempty"` // a number or a percentage; empty is 0
	MinHealthy  string `json:"minHealthy,omitempty"`  // a number or a percentage; empty is none
	Alarm       string `json:"alarm,omitempty"`
}

// Output is where the agent writes the complete output of a step's scripts.
type Output struct {
	LogGroup string `json:"logGroup,omitempty"`
	Bucket   string `json:"bucket,omitempty"`
	Prefix   string `json:"prefix,omitempty"`
}

// Blob is a script in the record's bucket, named by its content.
type Blob struct {
	Key     string `json:"key"`
	Content string `json:"content"`
	SHA256  string `json:"sha256"` // lower-case hex
}

// Document is an SSM document that slipway makes: schema 2.2, no free-form commands.
type Document struct {
	Name    string `json:"name"`
	Content string `json:"content"` // canonical JSON
	Hash    string `json:"hash"`    // SHA-256 of Content, lower-case hex, as SSM gives it
	// Version is set of a document of an earlier deploy that is sent as it was then: it is not made, and Content is empty.
	Version string `json:"version,omitempty"`
}

// RoleKind says what a role is for.
type RoleKind string

// The roles so far. GitHub, GitLab, EC2, SSM and CodeBuild are not roles that slipway renders: GitHub and GitLab are web
// identities that enter, EC2 and SSM the services that hand the node role to instances and to managed (mi-…) nodes, and
// CodeBuild the service that works with the role of a project. CodeBuildRole is that role, and GitHubActionsUser a user
// with access keys: one of each pipeline and not of each stage, in an account without stages (R82).
const (
	KindGitHub    RoleKind = "GitHub"
	KindGitLab    RoleKind = "GitLab"
	KindEC2       RoleKind = "EC2"
	KindSSM       RoleKind = "SSM"
	KindBuilds    RoleKind = "CodeBuild"
	KindCodeBuild RoleKind = "CodeBuildRole"
	KindUser      RoleKind = "GitHubActionsUser"
	KindDeploy    RoleKind = "Deploy"
	KindTrigger   RoleKind = "Trigger"
	KindVerify    RoleKind = "Verify"
	KindNode      RoleKind = "Node"
	// KindAutomation is the role of the stage's runbooks, KindTest that of its tests.
	KindAutomation RoleKind = "Automation"
	// KindOperator is the role of the people who look at deploys and end or undo them (R124), KindPeople they themselves.
	KindOperator RoleKind = "Operator"
	KindPeople   RoleKind = "People"
	KindTest     RoleKind = "Test"
)

// Role is one role that the stage needs.
type Role struct {
	Kind    RoleKind `json:"kind"`
	Account string   `json:"account"`
	Name    string   `json:"name"` // <app>-<stage>-<Kind>; <app>-<Kind> of a pipeline's own
	Path    string   `json:"path"` // /slipway/, unless the release says another
	// Subjects are the token subjects that may assume the role; a * in one stands for anything. For a Node, empty.
	Subjects []string `json:"subjects,omitempty"`
	// Issuer is the host of the tokens' issuer, where it is not GitHub's.
	Issuer string `json:"issuer,omitempty"`
	// Workflow is the only workflow whose jobs may assume the role: GitHub's claim job_workflow_ref, in whose ref a *
	// stands for anything. Empty for any.
	Workflow string `json:"workflow,omitempty"`
	// From is the ARN of the role or user of the pipeline that assumes the role; empty where none does.
	From string `json:"from,omitempty"`
	// People are the ARNs of those who may assume the role by themselves; a * in one stands for anything, a ? for one character.
	People []string `json:"people,omitempty"`
	// Source is the ARN of what a service must act for when it assumes the role; empty for anything.
	Source string `json:"source,omitempty"`
	// Extension is the ARN of the managed policy that gives a role what the plan needs of it which is there already, made by
	// others: slipway renders the policy, and not the role (R123). Empty for roles that slipway renders.
	Extension string `json:"extension,omitempty"`
	// Boundary is the ARN of the permissions boundary; empty for none.
	Boundary string `json:"boundary,omitempty"`
	// Purpose in one sentence, for reviewers.
	Purpose string `json:"purpose"`
}

// ARN of the role, or of the user.
func (r Role) ARN() string {
	kind := "role"
	if r.Kind == KindUser {
		kind = "user"
	}
	return "arn:aws:iam::" + r.Account + ":" + kind + r.Path + r.Name
}

// Exists says whether the role is there already, made by others.
func (r Role) Exists() bool { return r.Extension != "" }

// Shared says whether roles of a kind are the pipeline's, and so the same in every stage.
func (k RoleKind) Shared() bool { return k == KindCodeBuild || k == KindUser }

// When says under which circumstances a call is made.
type When string

// The circumstances. A deploy that succeeds without incident makes every Always call and any number of Tick calls.
const (
	Always      When = "always"
	FirstTime   When = "first time" // the document does not exist yet
	OnChange    When = "on change"  // the document's content changed
	Tick        When = "each tick"  // while nodes are running
	OnFinish    When = "node finished"
	OnInterrupt When = "on interrupt"
	OnFailure   When = "on failure"
	OnLost      When = "lost answer" // the answer to SendCommand did not arrive
	OnResume    When = "on resume"
	OnStatus    When = "on status"    // slipway status, history, rollback: somebody looks at what the record holds
	OnRollback  When = "on rollback"  // a rollback only, of its own or after a failure
	OnOutput    When = "output"       // a script printed something, and the step has an output
	OnScript    When = "script"       // what a script of the release does on a node, as the release declares it
	OnBuild     When = "build"        // what CodeBuild does with a project's service role around each build
	OnTags      When = "session tags" // aws-actions/configure-aws-credentials assumes the role, and tags the session
	// OnAutomation is what a runbook does with its role, OnTest what a test of the release does, as the release declares it.
	OnAutomation When = "automation"
	OnTest       When = "test"
	OnLaunch     When = "node launch" // before any deploy, and whenever the node's credentials are renewed
	Fallback     When = "fallback"    // the other message service of the agent, and what older agents do
)

// Call is one authorised API call.
type Call struct {
	// ID is stable and unique in the plan: <stage>/<step or ->/<Kind>/<service:Operation>, with /<when> appended
	// where the same operation is made in several circumstances.
	ID string `json:"id"`
	// Step that needs the call; empty when the whole stage does.
	Step string   `json:"step,omitempty"`
	Role RoleKind `json:"role"`
	// Action is service:Operation.
	Action string `json:"action"`
	// NoPermission marks calls that AWS serves without one (sts:GetCallerIdentity).
	NoPermission bool `json:"noPermission,omitempty"`
	// Resources must all be allowed. A call on an action without resource types has one, "*".
	Resources []Resource `json:"resources"`
	When      When       `json:"when"`
	// Often says how often, for people: "once", "once per finished node and step".
	Often string `json:"often"`
	// Least is how often a deploy that comes to its end makes the call at the least, and BeforeSend how many of these
	// come before the stage's first command is sent; a call that came later would not do for them.
	Least      int `json:"least,omitempty"`
	BeforeSend int `json:"beforeSend,omitempty"`
	// Reason says why, for people: one sentence.
	Reason string `json:"reason"`
	// For is the Sid of what the call is for, where its action alone does not tell: see [Call.Purpose].
	For string `json:"for,omitempty"`
	// PassedTo is the service to which iam:PassRole hands the role; empty for any.
	PassedTo string `json:"passedTo,omitempty"`
	// OnResume marks calls that slipway resume makes too.
	OnResume bool `json:"onResume,omitempty"`
}

// Resource is what a call touches. It may be symbolic: a pattern, with the tags that a concrete one would have.
type Resource struct {
	// ARN or ARN pattern; "*" when the action has no resource types.
	ARN string `json:"arn"`
	// Type is the resource type in the service authorization reference: document, instance, managed-instance,
	// role; empty with "*".
	Type string `json:"type,omitempty"`
	// Tags that the concrete resource has; set for nodes found by tags, whose ARN is a pattern then.
	Tags []Tag `json:"tags,omitempty"`
	// Pattern says why the ARN is a pattern without tags; empty where it is none. Every resource that the pattern
	// matches must be allowed then.
	Pattern string `json:"pattern,omitempty"`
	// Account that owns it, where that is not the stage's: its own policy must allow the call as well.
	Account string `json:"account,omitempty"`
}
