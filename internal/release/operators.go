package release

// Operators are the people who look at deploys and end or undo them. They assume a role of their own in each stage's
// account, in which they are.
type Operators struct {
	// Roles and Users are names, with their paths where they have one; PermissionSets are those of IAM Identity Center.
	Roles, Users, PermissionSets []string
}

type operatorsFile struct{ roles, users, sets located[[]located[string]] }

var (
	principalName = rule{
		is: "the name of a role or user, with its path if it has one", example: "ops/OnCall",
		pattern: expr(`^(?:[A-Za-z0-9._-]{1,64}/){0,7}[A-Za-z0-9_+=,.@-]{1,64}$`),
	}
	permissionSet = rule{
		is: "the name of a permission set", example: "Operators", pattern: expr(`^[A-Za-z0-9_+=,.@-]{1,32}$`),
	}
)

// maxOperators bounds each list: a trust policy takes 2,048 characters.
const maxOperators = 10

var operatorsTable = mapping[operatorsFile]{
	label: "operators", example: "{permission-sets: [Operators]}",
	fields: []field[operatorsFile]{
		optional("roles", list(text(principalName), maxOperators, "names of roles", "[ops/OnCall]", ""),
			func(o *operatorsFile) *located[[]located[string]] { return &o.roles }, "", "Roles of each stage's account."),
		optional("users", list(text(principalName), maxOperators, "names of users", "[alice]", ""),
			func(o *operatorsFile) *located[[]located[string]] { return &o.users }, "", "Users of each stage's account."),
		optional("permission-sets", list(text(permissionSet), maxOperators, "names of permission sets", "[Operators]", ""),
			func(o *operatorsFile) *located[[]located[string]] { return &o.sets }, "",
			"Permission sets of IAM Identity Center that are assigned in each stage's account."),
	},
}

// operators are the people of the file; nil where it names none.
func (b *builder) operators() *Operators {
	l := b.file.operators
	if !l.ok() {
		return nil
	}
	if len(l.node.Content) == 0 {
		b.errorf(l.node, "for example operators: "+operatorsTable.example, "operators names nobody")
	}
	if longest := b.file.app.value + "-" + b.longestStage() + "-Operator"; len(longest) > maxRoleName && b.file.app.ok() {
		b.errorf(l.node, "shorten app or the stage's name", "the role %s would have %d characters: IAM takes at most %d", longest, len(longest), maxRoleName)
	}
	return &Operators{Roles: values(l.value.roles.value), Users: values(l.value.users.value), PermissionSets: values(l.value.sets.value)}
}

func (b *builder) longestStage() (longest string) {
	for _, s := range b.file.stages.value {
		if len(s.value.name.value) > len(longest) {
			longest = s.value.name.value
		}
	}
	return longest
}
