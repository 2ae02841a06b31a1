package ship

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func described(version, hash, status string) reply {
	return reply{body: map[string]any{"Document": document(version, hash, status)}}
}

func made(version, hash, status string) reply {
	return reply{body: map[string]any{"DocumentDescription": document(version, hash, status)}}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	versions := reply{body: map[string]any{"DocumentVersions": []map[string]any{{"DocumentVersion": "1"}, {"DocumentVersion": "9"}, {"DocumentVersion": "10"}}}}
	byVersion := func(hashes map[string]string) func(int, map[string]any) (reply, bool) {
		return func(_ int, in map[string]any) (reply, bool) {
			v, _ := in["DocumentVersion"].(string)
			if v == latest {
				return described("10", "other", "Active"), true
			}
			return described(v, hashes[v], "Active"), true
		}
	}
	tests := []struct {
		name    string
		arrange func(f *fake)
		version string // empty: refused
		calls   []string
	}{
		{"unchanged", func(*fake) {}, "3", []string{"DescribeDocument"}},
		{"hash in capitals", func(f *fake) { f.always("DescribeDocument", described("4", strings.ToUpper(testHash), "Active")) }, "4", []string{"DescribeDocument"}},
		{"first time", func(f *fake) {
			f.first("DescribeDocument", 1, fails("InvalidDocument"))
			f.always("CreateDocument", made("1", testHash, "Active"))
		}, "1", []string{"DescribeDocument", "CreateDocument"}},
		{"first time, becomes active", func(f *fake) {
			f.first("DescribeDocument", 2, fails("InvalidDocument")) // once before it is made, once after
			f.always("CreateDocument", made("1", testHash, "Creating"))
		}, "3", []string{"DescribeDocument", "CreateDocument", "DescribeDocument", "DescribeDocument"}},
		{"changed", func(f *fake) {
			f.first("DescribeDocument", 1, described("3", "old", "Active"))
			f.always("UpdateDocument", made("4", testHash, "Active"))
		}, "4", []string{"DescribeDocument", "UpdateDocument"}},
		{"changed, not everywhere yet", func(f *fake) {
			f.on["DescribeDocument"] = func(n int, _ map[string]any) (reply, bool) {
				return []reply{described("3", "old", "Active"), fails("InvalidDocumentVersion"), described("4", testHash, "Active")}[n], true
			}
			f.always("UpdateDocument", made("4", testHash, "Updating"))
		}, "4", []string{"DescribeDocument", "UpdateDocument", "DescribeDocument", "DescribeDocument"}},
		{"content of an earlier version", func(f *fake) {
			f.on["DescribeDocument"] = byVersion(map[string]string{"9": testHash})
			f.always("UpdateDocument", fails("DuplicateDocumentContent"))
			f.always("ListDocumentVersions", versions)
		}, "9", []string{"DescribeDocument", "UpdateDocument", "ListDocumentVersions", "DescribeDocument", "DescribeDocument"}},
		{"duplicate of nothing", func(f *fake) {
			f.on["DescribeDocument"] = byVersion(nil)
			f.always("UpdateDocument", fails("DuplicateDocumentContent"))
			f.always("ListDocumentVersions", versions)
		}, "", nil},
		{"made by somebody else meanwhile", func(f *fake) {
			f.on["DescribeDocument"] = func(n int, _ map[string]any) (reply, bool) {
				if n == 0 {
					return fails("InvalidDocument"), true
				}
				return described("1", testHash, "Active"), true
			}
			f.always("CreateDocument", fails("DocumentAlreadyExists"))
			f.always("ListDocumentVersions", reply{body: map[string]any{"DocumentVersions": []map[string]any{{"DocumentVersion": "1"}}}})
		}, "1", nil},
		{"fails", func(f *fake) {
			f.first("DescribeDocument", 1, described("3", "old", "Active"))
			f.always("UpdateDocument", made("4", testHash, "Failed"))
		}, "", nil},
		{"never active", func(f *fake) { f.always("DescribeDocument", described("3", testHash, "Updating")) }, "", nil},
		{"tampered with", func(f *fake) {
			f.first("DescribeDocument", 1, described("3", "old", "Active"))
			f.always("UpdateDocument", made("4", "another", "Active"))
		}, "", nil},
		{"create denied", func(f *fake) {
			f.always("DescribeDocument", fails("InvalidDocument"))
			f.always("CreateDocument", deniedFor("ssm:CreateDocument"))
		}, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			tt.arrange(f)
			res := f.deploy()
			if tt.version == "" {
				want(t, res, 4, Refused)
				if f.count("SendCommand") != 0 {
					t.Error("sent all the same")
				}
				return
			}
			want(t, res, 0, Succeeded)
			if got := f.sends[0]["DocumentVersion"]; got != tt.version || res.Steps[0].DocumentVersion != tt.version {
				t.Errorf("sent version %v, want %s", got, tt.version)
			}
			var calls []string
			for _, c := range f.calls {
				if strings.Contains(c, "Document") {
					calls = append(calls, c)
				}
			}
			if diff := cmp.Diff(tt.calls, calls); tt.calls != nil && diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSharedDocument(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	var plugin any
	f.on["GetCommandInvocation"] = func(_ int, in map[string]any) (reply, bool) {
		plugin = in["PluginName"]
		return reply{}, false
	}
	res := f.deploy(func(c *Config) {
		s := &c.Plan.Stages[0].Steps[0]
		s.Own, s.DocumentName, s.ScriptSteps = nil, "AWS-RunShellScript", []string{"aws:runShellScript"}
	})
	want(t, res, 0, Succeeded)
	if f.sends[0]["DocumentName"] != "AWS-RunShellScript" || f.sends[0]["DocumentHash"] != nil || plugin != nil {
		t.Errorf("sent %v, read plugin %v", f.sends[0], plugin)
	}
	if f.count("DescribeDocument") != 0 {
		t.Error("described a shared document")
	}
}
