// Package format is the file in which the catalog is embedded: written by the generator, read by package catalog.
//
// The file is a sequence of gzip members, so that any gunzip prints all of it, while a reader that wants one
// service inflates only that service's member. Every member is lines of tab-separated fields. The first one is the
// header: where the data comes from, the condition keys that every service knows, and the name and compressed length
// of every service's member, in their order:
//
//	source   package  version  date
//	global   name  type
//	service  name  length
//
// A service's member is:
//
//	k  name  type                            a condition key; keys are numbered from 0 in the order of their lines
//	r  name  arn arn…  keys                  a resource type
//	a  name  access-level  types  keys  dependents    an action
//
// where keys are numbers joined by commas, dependents are actions joined by commas, and types are joined by
// semicolons, each as name, then * if the action requires it, then a colon and keys if it has its own.
package format

// Source says where the data comes from.
type Source struct {
	Package, Version string
	Date             string // YYYY-MM-DD on which the data was collected
}

// Header is what the file says about all services together.
type Header struct {
	Sources []Source
	Globals []Key // sorted by name
}

// Service is what one service authorises. References to condition keys are indexes into Keys.
type Service struct {
	Name      string
	Keys      []Key
	Resources []Resource
	Actions   []Action
}

// Key is a condition key and the type of its values.
type Key struct{ Name, Type string }

// Resource is a resource type.
type Resource struct {
	Name string
	ARNs []string
	Keys []int
}

// Action is one action.
type Action struct {
	Name, AccessLevel string
	Types             []ActionType
	Keys              []int
	Dependents        []string
}

// ActionType is a resource type of an action.
type ActionType struct {
	Name     string
	Required bool
	Keys     []int
}
