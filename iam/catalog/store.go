package catalog

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-cd/slipway/iam/catalog/internal/format"
)

//go:embed catalog.gz
var embedded []byte

// service is a decoded service: slices sorted by lower-case name, and where in them each name is.
type service struct {
	actions       []Action
	resources     []Resource
	keys          []ConditionKey
	actionIndex   map[string]int
	resourceIndex map[string]int
}

// archive opens the embedded file once. The generator and a test prove that every byte of it decodes, so it is
// nil only in a program that was tampered with; then the catalog is empty, and whoever asks fails closed.
var archive = sync.OnceValue(func() *format.Archive {
	a, err := format.Open(embedded)
	if err != nil {
		return nil
	}
	return a
})

// slots holds one decoder a service, made when the archive is opened.
var slots = sync.OnceValue(func() map[string]func() *service {
	a := archive()
	if a == nil {
		return nil
	}
	m := make(map[string]func() *service, len(a.Services))
	for _, name := range a.Services {
		m[name] = sync.OnceValue(func() *service {
			s, ok, err := a.Service(name)
			if err != nil || !ok {
				return nil // as for archive
			}
			return build(s)
		})
	}
	return m
})

// load finds and, the first time, decodes a service; nil when there is none of that name.
func load(name string) *service {
	decode, ok := find(slots(), name)
	if !ok {
		return nil
	}
	return decode()
}

// maxName is longer than any service, action or resource type name; longer names are unknown.
const maxName = 128

// find looks a name up regardless of case, without allocating: keys are lower case, and names are ASCII.
func find[V any](m map[string]V, name string) (v V, ok bool) {
	var buf [maxName]byte
	if len(name) > maxName {
		return v, false
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	v, ok = m[string(buf[:len(name)])]
	return v, ok
}

// build turns the file's form into the public one and fills the gaps.
func build(f format.Service) *service {
	s := &service{
		actions:       make([]Action, 0, len(f.Actions)),
		resources:     make([]Resource, 0, len(f.Resources)),
		keys:          make([]ConditionKey, 0, len(f.Keys)),
		actionIndex:   make(map[string]int, len(f.Actions)),
		resourceIndex: make(map[string]int, len(f.Resources)),
	}
	names := make([]string, len(f.Keys))
	for i, k := range f.Keys {
		names[i] = k.Name
		s.keys = append(s.keys, ConditionKey(k))
	}
	for _, r := range f.Resources {
		s.resources = append(s.resources, Resource{Service: f.Name, Type: r.Name, ARNs: r.ARNs, ConditionKeys: pick(names, r.Keys)})
	}
	for _, a := range f.Actions {
		s.actions = append(s.actions, Action{
			Service: f.Name, Name: a.Name, AccessLevel: a.AccessLevel,
			Resources: actionResources(names, a.Types), ConditionKeys: pick(names, a.Keys), DependentActions: a.Dependents,
		})
	}
	fill(f.Name, s)
	for i, a := range s.actions {
		s.actionIndex[strings.ToLower(a.Name)] = i
	}
	for i, r := range s.resources {
		s.resourceIndex[strings.ToLower(r.Type)] = i
	}
	return s
}

func actionResources(names []string, types []format.ActionType) []ActionResource {
	if len(types) == 0 {
		return nil
	}
	out := make([]ActionResource, len(types))
	for i, t := range types {
		out[i] = ActionResource{Type: t.Name, Required: t.Required, ConditionKeys: pick(names, t.Keys)}
	}
	return out
}

func pick(names []string, index []int) []string {
	if len(index) == 0 {
		return nil
	}
	out := make([]string, len(index))
	for i, n := range index {
		out[i] = names[n]
	}
	return slices.Clip(out)
}
