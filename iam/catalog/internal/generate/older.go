package main

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog/internal/format"
)

// addDependents adds to every action the dependent actions that the older package gives it. Actions that are gone
// since are left out; a dependent action that is gone is an error, since nobody would see that it is missing.
func addDependents(older fs.FS, services []format.Service) error {
	known := map[string]bool{}
	for _, s := range services {
		for _, a := range s.Actions {
			known[s.Name+":"+a.Name] = true
		}
	}
	var names []string
	if err := read(older, "data/services.json", &names); err != nil {
		return err
	}
	for i := range services {
		s := &services[i]
		var more map[string][]string
		if slices.Contains(names, s.Name) {
			old, err := service(older, s.Name)
			if err != nil {
				return fmt.Errorf("service %s: %w", s.Name, err)
			}
			more = dependents(old)
		}
		for j := range s.Actions {
			a := &s.Actions[j]
			a.Dependents = union(a.Dependents, more[a.Name])
			for _, d := range a.Dependents {
				if !known[d] {
					return fmt.Errorf("%s:%s depends on %s, which is no action", s.Name, a.Name, d)
				}
			}
		}
	}
	return nil
}

func dependents(s format.Service) map[string][]string {
	out := make(map[string][]string, len(s.Actions))
	for _, a := range s.Actions {
		out[a.Name] = a.Dependents
	}
	return out
}

// union is sorted and without doubles; nil when it is empty.
func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// globalKey is one entry of the list in the package's JavaScript; only there it names the global condition keys.
var globalKey = regexp.MustCompile(`key: '([^']+)',\s*category: '[^']*',\s*type: '([^']+)',`)

const globalsFile = "dist/cjs/globalConditionKeys.js"

// globals reads the condition keys of every service. Where AWS's page writes tag-key for any text, the file says
// ${TagKey}, as services' own keys do. Keys that belong to a service are left out: they are in its own list.
func globals(pkg fs.FS) ([]format.Key, error) {
	src, err := fs.ReadFile(pkg, globalsFile)
	if err != nil {
		return nil, err
	}
	matches := globalKey.FindAllStringSubmatch(string(src), -1)
	if n := strings.Count(string(src), "category: '"); n == 0 || n != len(matches) {
		return nil, fmt.Errorf("%s: %d of %d entries can be read", globalsFile, len(matches), n)
	}
	var out []format.Key
	for _, m := range matches {
		if strings.HasPrefix(m[1], "aws:") {
			out = append(out, format.Key{Name: strings.Replace(m[1], "/tag-key", "/${TagKey}", 1), Type: m[2]})
		}
	}
	slices.SortFunc(out, func(a, b format.Key) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	for i := 1; i < len(out); i++ {
		if strings.EqualFold(out[i-1].Name, out[i].Name) {
			return nil, errors.New(globalsFile + ": " + out[i].Name + " is there twice")
		}
	}
	return out, nil
}
