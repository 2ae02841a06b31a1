// Package release turns slipway.yaml into a Release.
//
// Everything a user can write wrong is found here, as an error that points at file:line:column and says what would
// be right. The package reads files only from the file system it is handed.
package release

import "time"

// Position is a place in the release file; both count from 1.
type Position struct{ Line, Column int }

// Release is what slipway.yaml describes, checked, with variables filled in and scripts read.
type Release struct {
	// File is the name of the release file as the user gave it, for messages.
	File string
	// App prefixes everything slipway makes. It does not contain a stage's name (R72).
	App string
	// Region is the default of the stages.
	Region string
	CI     CI
	// Roles says what the rendered roles have in common.
	Roles Roles
	// Operators are the people with a role of their own; nil for none.
	Operators *Operators
	// Accounts maps a short name to a 12-digit account id.
	Accounts map[string]string
	// Record is the bucket with the locks and the history; nil when the release keeps none.
	Record *Record
	Local  Local
	Stages []Stage
	// Variables are those that were used, with the values they had: --set over the file's variables section.
	Variables map[string]string
}

// Roles is what the rendered roles have in common.
type Roles struct {
	// Path of IAM, beginning and ending with a slash.
	Path string
	// Boundary is the permissions boundary of every role; nil for none.
	Boundary *Boundary
}

// Boundary is a managed policy that is in every account, and bounds what its roles may do.
type Boundary struct {
	Name string // with its path, if it has one: team/Boundary
	// File has the policy's text, Content is it.
	File, Content string
}

// DefaultRolePath is the path of roles when the release file gives none.
const DefaultRolePath = "/slipway/"

// CI says where deploys run. Exactly one member is set, or none: then a deploy uses the ambient credentials, and
// whom IAM in the roles' own account lets assume them may enter.
type CI struct {
	GitHub    *GitHub
	GitLab    *GitLab
	CodeBuild *CodeBuild
	Users     *Users
}

// GitHub describes the repository whose workflows assume the roles over OIDC.
type GitHub struct {
	Repository string // owner/name
	// OwnerID and RepositoryID are set for repositories whose token subject has the immutable form
	// repo:owner@ID/name@ID:… (those made, renamed or transferred after 15 July 2026).
	OwnerID, RepositoryID string
	// Environments is true when each stage deploys in the GitHub environment of the same name.
	Environments bool
	// Branch is the branch that deploys when Environments is false; empty where only tags do.
	Branch string
	// Tags is a pattern of the tags that deploy when Environments is false; empty for none.
	Tags string
	// Workflow is the only workflow whose jobs may deploy, owner/name/.github/workflows/FILE@REF; empty for any.
	Workflow string
}

// GitLab describes the project whose jobs assume the roles over OIDC.
type GitLab struct {
	Project string // group/project, with all groups
	// Branch is the branch that deploys; empty where only tags do. Tags is a pattern of the tags that do.
	Branch, Tags string
	Host         string // gitlab.com
}

// CodeBuild describes the project of CodeBuild whose service role assumes the stages' roles.
type CodeBuild struct {
	Project string
	// Account is the short name of the account that the project is in, AccountID its id.
	Account, AccountID string
}

// Users is the user of IAM with access keys that assumes the stages' roles, in an account without stages.
type Users struct{ Account, AccountID string }

// Record is the S3 bucket that holds a stage's lock, its deploys, and the scripts that are too large for a document.
type Record struct {
	Bucket string
	// Account is the short name of the account that owns the bucket, AccountID its id; where the file names none, the
	// account of all stages.
	Account, AccountID string
	// Region of the bucket; the release's when the file names none.
	Region string
	// Lease is how long a lock outlives a slipway that died; it is renewed while the deploy lives.
	Lease time.Duration
	Pos   Position
}

// DefaultLease is the lock's lease when the release file gives none.
const DefaultLease = 2 * time.Minute

// Local describes the machines of --local and of local up.
type Local struct {
	// Nodes is how many nodes a stage has; default: the targets' min, or one per named instance.
	Nodes map[string]int
	// Caches are directories of this machine that nodes may read and write, keyed by the environment variable
	// that names them to the scripts; a value that the variable already has in the environment wins.
	// A leading ~/ is the user's home.
	Caches map[string]string
	// Allow lists guarded programs (docker, systemctl, …) that scripts may really run on this machine.
	Allow []string
	// Stubs lists guarded programs that are recorded on a built-in node and succeed without being run.
	Stubs []string
}

// Stage is one account, one set of targets, and the steps that ship to them.
type Stage struct {
	Name      string
	Account   string // short name, a key of Accounts
	AccountID string
	Region    string
	Needs     []string
	// Split gives the stage a Trigger and a Verify role in place of one Deploy role (R16).
	Split   bool
	Targets Targets
	Steps   []Step
	// OnFailure is Stop or Rollback.
	OnFailure OnFailure
	// Permissions are what the scripts on the nodes themselves need of AWS; they become part of the node role (R125).
	Permissions []Permission
	// Hooks run where slipway runs, around what is shipped.
	Hooks Hooks
	Pos   Position
}

// Hooks are programs of the repository that slipway runs on its own machine; nil where there is none.
type Hooks struct {
	// Before runs before anything is sent, and may refuse the deploy. After runs when the stage has its verdict.
	Before, After *Hook
}

// Hook is an executable script beside the release file.
type Hook struct{ Path, Content string }

// HookTimeout is how long a hook may run.
const HookTimeout = 10 * time.Minute

// OnFailure says what a stage does when a deploy failed.
type OnFailure string

// What a stage does when a deploy failed. The default is to stop.
const (
	Stop     OnFailure = "stop"
	Rollback OnFailure = "rollback"
)

// Permission is what a node's script needs of AWS: actions on resources.
type Permission struct {
	Actions   []string
	Resources []string // ARNs, or what follows the account in them: table/shop-* of dynamodb:GetItem
	Pos       Position
}

// Targets says which nodes: by id, by tags, or as the members of an Auto Scaling group; exactly one of them.
type Targets struct {
	Instances []string // i-… or mi-…, at most 50
	// Tags that a node must all have; a tag may have several values, of which one must match.
	Tags []Tag
	// AutoScalingGroup is the group's name. EC2 tags its members with aws:autoscaling:groupName, by which Run Command and
	// IAM find them.
	AutoScalingGroup string
	// NodeRole is the role that the nodes carry already, with its path if it has one; empty where slipway renders one (R123).
	NodeRole string
	// Min is the least number of nodes; default 1, or the number of Instances.
	Min int
	Pos Position
}

// Tag is a tag key and the values it may have.
type Tag struct {
	Key    string
	Values []string
}

// Step is one thing that a stage does. Exactly one member is set.
type Step struct {
	Command    *Command
	Automation *Automation
	Test       *Test
	Pos        Position
}

// Name of the step, whatever it is.
func (s *Step) Name() string {
	switch {
	case s.Command != nil:
		return s.Command.Name
	case s.Automation != nil:
		return s.Automation.Name
	case s.Test != nil:
		return s.Test.Name
	}
	return ""
}

// Automation starts a runbook of the repository.
type Automation struct {
	Name string
	// Document is the path of the runbook as written in the release file, Content its text.
	Document, Content string
	Parameters        []Parameter
	// HasRole says that the release says something of the runbook's role, also where Allow is empty: that no step needs more
	// than the plan can tell.
	HasRole bool
	Allow   []Permission
	Timeout time.Duration
	Pos     Position
}

// Test is a program of the repository that slipway runs on its own machine, and that decides about the stage.
type Test struct {
	Name    string
	Run     Hook
	Allow   []Permission
	Timeout time.Duration
	Pos     Position
}

// Command runs a script, or a shared document's commands, on every target.
type Command struct {
	Name string
	// Script becomes a versioned SSM document. nil when Document is set.
	Script *Script
	// Document is a shared document, AWS-RunShellScript, that runs Commands as root (R28).
	Document string
	Commands []string
	// Timeout is the execution timeout of Script, or of Commands: 5 s to 172800 s (R109).
	Timeout time.Duration
	// Parameters reach the script as environment variables of the same name, in the order of the file.
	Parameters []Parameter
	// Stop, Install and Start take the place of Script, in this order; nil where there is none.
	Stop, Install, Start *Script
	// Validate runs on the node after the other scripts succeeded; nil when there is none.
	Validate *Script
	// Once runs the command on exactly one node, before the steps that follow: a database migration.
	Once bool
	// Rollout says in which groups the nodes follow each other; nil for all at once.
	Rollout *Rollout
	// Output is where the agent writes all of a script's output; nil for nowhere.
	Output *Output
	// MaxConcurrency and MaxErrors are SendCommand's; empty means slipway's defaults, 100% and 0.
	MaxConcurrency, MaxErrors string
}

// Rollout says how a command spreads over the nodes.
type Rollout struct {
	// Batches are the sizes of the groups in order: a number of nodes, or a percentage of all of them (at least one). The
	// last is repeated until every node is done. Empty for all at once.
	Batches []string
	// Pause between two batches.
	Pause time.Duration
	// Validate runs on the nodes of a batch again after the pause; nil for none. The next batch begins when it succeeded.
	Validate *Script
	// MaxFailures is how many nodes may fail, a number or a percentage, before no more are begun.
	MaxFailures string
	// MinHealthy is how many nodes, a number or a percentage, must stay in service: neither being shipped to nor failed.
	MinHealthy string
	// Alarm is the name of a CloudWatch alarm that stops the rollout; empty for none.
	Alarm string
}

// Output says where the agent writes the complete output: a log group, a bucket, or both.
type Output struct {
	LogGroup       string
	Bucket, Prefix string
}

// Script is a shell script from a file beside the release file.
type Script struct {
	Path    string // as written in the release file
	Content string
	// Timeout is the execution timeout: 5 s to 172800 s (R109).
	Timeout time.Duration
	// RunAs is the user that the script runs as; empty for the agent's, which is root.
	RunAs string
	// WorkingDirectory is an absolute path on the node; empty for the agent's default.
	WorkingDirectory string
}

// Parameter is a value handed to a script.
type Parameter struct {
	Name, Value string
	// Pattern is an anchored regular expression, valid in RE2 and Java, that Value matches.
	Pattern string
	Pos     Position
}

// CheckSuffix ends the name of the document of a rollout's validation: <app>-<stage>-<step>-check.
const CheckSuffix = "-check"

// DefaultTimeout is a script's timeout when the release file gives none.
const DefaultTimeout = 10 * time.Minute

// DefaultPattern is what a parameter's value must match when the release file gives no pattern: nothing that a
// shell would interpret.
const DefaultPattern = `^[A-Za-z0-9._:/@+=,-]{0,512}$`
