package ssm_test

import "testing"

// TestTagsRefused: what the tag operations do not serve is refused, never taken.
func TestTagsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tags := []object{{"Key": "App", "Value": "web"}}
	for name, tc := range map[string]struct {
		operation string
		in        object
		code      string
	}{
		"a kind that is not served": {"AddTagsToResource", object{"ResourceType": "PatchBaseline", "ResourceId": "pb-1", "Tags": tags}, "InvalidResourceType"},
		"no kind at all":            {"ListTagsForResource", object{"ResourceType": "Instance", "ResourceId": "i-1"}, "ValidationException"},
		"no resource":               {"ListTagsForResource", object{"ResourceType": "PatchBaseline"}, "ValidationException"},
		"no tags":                   {"AddTagsToResource", object{"ResourceType": "PatchBaseline", "ResourceId": "pb-1"}, "ValidationException"},
		"no keys":                   {"RemoveTagsFromResource", object{"ResourceType": "PatchBaseline", "ResourceId": "pb-1"}, "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, code := w.ask("admin", "ssm", tc.operation, tc.in); code != tc.code {
				t.Errorf("got %q, want %q: %v", code, tc.code, out)
			}
		})
	}
}
