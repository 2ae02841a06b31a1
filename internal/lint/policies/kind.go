package policies

// kind says what a role is for, which decides what is too much for it.
type kind string

// The kinds of roles.
const (
	unknownKind kind = ""
	node        kind = "node"
	automation  kind = "automation"
	execution   kind = "CloudFormation execution"
	build       kind = "build"
	deploy      kind = "deploy"
	operator    kind = "operator"
	other       kind = "other"
)
