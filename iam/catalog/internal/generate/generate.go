package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/iam/catalog/internal/format"
)

// The shapes of the npm package's JSON files. Names of files and map keys are lower case.
type (
	npmPackage struct {
		Name, Version, License string
		UpdatedAt              time.Time
	}
	npmAction struct {
		Name, AccessLevel string
		ResourceTypes     []struct {
			Name             string
			Required         bool
			ConditionKeys    []string
			DependentActions []string
		}
		ConditionKeys    []string
		DependentActions []string
	}
	npmResource struct {
		Key, ARN      string
		ConditionKeys []string
	}
	npmKey struct{ Key, Type string }
)

// generate makes the file of what pkg says, with the dependent actions of both.
func generate(pkg, older fs.FS) ([]byte, error) {
	header, err := header(pkg, older)
	if err != nil {
		return nil, err
	}
	var names []string
	if err := read(pkg, "data/services.json", &names); err != nil {
		return nil, err
	}
	slices.Sort(names)
	services := make([]format.Service, len(names))
	for i, name := range names {
		s, err := service(pkg, name)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", name, err)
		}
		services[i] = s
	}
	if err := addDependents(older, services); err != nil {
		return nil, fmt.Errorf("dependent actions: %w", err)
	}
	data, err := format.Encode(header, services)
	if err != nil {
		return nil, err
	}
	return data, prove(data, header, services)
}

// header reads where the packages come from, and the global condition keys.
func header(packages ...fs.FS) (format.Header, error) {
	var h format.Header
	for _, pkg := range packages {
		var meta npmPackage
		if err := read(pkg, "package.json", &meta); err != nil {
			return h, err
		}
		if meta.License != "MIT" {
			return h, fmt.Errorf("%s %s is under license %q: look at NOTICE before using it", meta.Name, meta.Version, meta.License)
		}
		h.Sources = append(h.Sources, format.Source{
			Package: meta.Name, Version: meta.Version, Date: meta.UpdatedAt.UTC().Format(time.DateOnly),
		})
	}
	var err error
	h.Globals, err = globals(packages[0])
	return h, err
}

// prove reads the file again and compares it with what was meant.
func prove(data []byte, header format.Header, services []format.Service) error {
	a, err := format.Open(data)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(a.Header, header) || len(a.Services) != len(services) {
		return fmt.Errorf("the header says something else than was written")
	}
	for _, want := range services {
		got, ok, err := a.Service(want.Name)
		if err != nil {
			return err
		}
		if !ok || !reflect.DeepEqual(got, want) {
			return fmt.Errorf("service %s says something else than was written", want.Name)
		}
	}
	return nil
}

func service(pkg fs.FS, name string) (format.Service, error) {
	var (
		actions   map[string]npmAction
		resources map[string]npmResource
		keys      map[string]npmKey
	)
	for dir, v := range map[string]any{"actions": &actions, "resourceTypes": &resources, "conditionKeys": &keys} {
		if err := read(pkg, "data/"+dir+"/"+name+".json", v); err != nil {
			return format.Service{}, err
		}
	}
	b := builder{service: format.Service{Name: name}, number: map[string]int{}}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		b.key(keys[k].Key, keys[k].Type)
	}
	for _, k := range slices.Sorted(maps.Keys(resources)) {
		b.resource(resources[k])
	}
	for _, k := range slices.Sorted(maps.Keys(actions)) {
		if err := b.action(actions[k]); err != nil {
			return format.Service{}, err
		}
	}
	return b.service, nil
}

type builder struct {
	service format.Service
	number  map[string]int
}

func (b *builder) key(name, typ string) int {
	n, ok := b.number[name]
	if !ok {
		n = len(b.service.Keys)
		b.number[name] = n
		b.service.Keys = append(b.service.Keys, format.Key{Name: name, Type: typ})
	}
	return n
}

// keys numbers names; one that the service's own table lacks is added without a type.
func (b *builder) keys(names []string) []int {
	var out []int
	for _, n := range names {
		out = append(out, b.key(n, ""))
	}
	return out
}

func (b *builder) resource(r npmResource) {
	// The reference lists alternatives in one cell: "arn:…, arn:…".
	arns := strings.Split(r.ARN, ", ")
	b.service.Resources = append(b.service.Resources, format.Resource{Name: r.Key, ARNs: arns, Keys: b.keys(r.ConditionKeys)})
}

func (b *builder) action(a npmAction) error {
	level, err := accessLevel(a.AccessLevel)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Name, err)
	}
	out := format.Action{Name: a.Name, AccessLevel: level, Keys: b.keys(a.ConditionKeys), Dependents: a.DependentActions}
	for _, t := range a.ResourceTypes {
		out.Types = append(out.Types, format.ActionType{Name: t.Name, Required: t.Required, Keys: b.keys(t.ConditionKeys)})
		out.Dependents = append(out.Dependents, t.DependentActions...)
	}
	out.Dependents = union(out.Dependents, nil)
	b.service.Actions = append(b.service.Actions, out)
	return nil
}

// accessLevel gives the reference's own name. The package adds ", Write" to two of the five.
func accessLevel(s string) (string, error) {
	level := strings.TrimSuffix(s, ", Write")
	switch level {
	case "List", "Read", "Write", "Tagging", "Permissions management":
		return level, nil
	}
	return "", fmt.Errorf("unknown access level %q", s)
}

func read(pkg fs.FS, name string, v any) error {
	data, err := fs.ReadFile(pkg, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
