package iam

import (
	"maps"
	"slices"
)

// OperatorNames lists the condition operators that the package knows, without set prefixes and IfExists, sorted.
func OperatorNames() []string {
	names := append(slices.Collect(maps.Keys(operators)), "Null") // which is not compiled from the table
	slices.Sort(names)
	return names
}
