package policies

import (
	"slices"
	"strings"
	"sync"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// keyOf finds a condition key by its name in lower case: among the global ones, those of the service that it begins with, and
// those of the services that the statement is about; then, which takes a moment, among those of every service. Of a key that
// is listed more than once, the first that tells its type is taken.
func (s *statement) keyOf(name string) (found catalog.ConditionKey, ok bool) {
	literal := pieces(text(name))
	look := func(list []catalog.ConditionKey) bool {
		for _, k := range list {
			if sameBeginning(k.Name, name) && mayMeet(literal, keyPieces(k.Name)) {
				if found, ok = k, true; k.Type != "" {
					return true
				}
			}
		}
		return false
	}
	prefix, _, _ := strings.Cut(name, ":")
	services := []string{prefix}
	for _, a := range s.actions {
		if a.service != "" && !slices.Contains(services, a.service) {
			services = append(services, a.service)
		}
	}
	if look(catalog.GlobalKeys()) || slices.ContainsFunc(services, func(v string) bool { return look(catalog.ConditionKeys(v)) }) || ok {
		return found, ok
	}
	look(everyKey()[prefix])
	return found, ok
}

// sameBeginning compares names up to the colon, which tells most keys apart.
func sameBeginning(a, b string) bool {
	x, _, _ := strings.Cut(a, ":")
	y, _, _ := strings.Cut(b, ":")
	return strings.EqualFold(x, y)
}

// everyKey has the keys of all services by what they begin with, in lower case, each once.
var everyKey = sync.OnceValue(func() map[string][]catalog.ConditionKey {
	keys, seen := map[string][]catalog.ConditionKey{}, map[string]bool{}
	for _, service := range catalog.Services() {
		for _, k := range catalog.ConditionKeys(service) {
			if prefix, _, _ := strings.Cut(strings.ToLower(k.Name), ":"); !seen[k.Name] {
				seen[k.Name] = true
				keys[prefix] = append(keys[prefix], k)
			}
		}
	}
	return keys
})

// ofSessions are keys that say whose role session makes a request, whatever it is for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-role-properties).
var ofSessions = []string{
	"ec2:roledelivery", "ec2:sourceinstancearn", "glue:credentialissuingservice", "glue:roleassumedby",
	"identitystore:userid", "lambda:sourcefunctionarn", "ssm:sourceinstancearn",
}

// unlisted are keys that AWS's own policies have and no reference lists.
var unlisted = []string{"aws:principalorgmasteraccountid", "lakeformation:gluearn"}

// ofDevices are the beginnings of keys in policies of IoT Core, which are attached to certificates and not known to IAM
// (https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-variables.html).
var ofDevices = []string{"iot:connection.", "iot:certificate.", "iot:clientid", "iot:domainname", "iot:thinggrouparn"}

// keyPieces divides the name of a condition key as the catalog writes it, in lower case: some services write the key of a tag
// as tag-key or <key>.
func keyPieces(name string) []piece {
	name = strings.NewReplacer("/tag-key", "/${Key}", "/<key>", "/${Key}").Replace(name)
	return lower(template(name))
}

// hasKey says whether requests for an action may have a condition key, by itself or with a resource.
func hasKey(c catalog.Action, key string) bool {
	literal := pieces(text(key))
	among := func(keys []string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return mayMeet(literal, keyPieces(k)) })
	}
	return among(c.ConditionKeys) || slices.ContainsFunc(c.Resources, func(r catalog.ActionResource) bool {
		known, _ := catalog.ResourceType(c.Service, r.Type)
		return among(r.ConditionKeys) || among(known.ConditionKeys)
	})
}
