package lint

import (
	"encoding/binary"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/slipway-cd/slipway/internal/finding"
)

// wide is a text in UTF-16.
func wide(order binary.AppendByteOrder, text string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

const starred = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:DeleteDocument", "Resource": "*"}]}`

// TestEncodings: a file in UTF-16 is told (SLW903), whatever it is, and one with a byte order mark is read.
func TestEncodings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file    string
		content []byte
		want    []finding.Code
	}{
		"little":         {"policy.json", wide(binary.LittleEndian, "\ufeff"+starred), []finding.Code{"SLW903"}},
		"big":            {"policy.json", wide(binary.BigEndian, "\ufeff"+starred), []finding.Code{"SLW903"}},
		"without a mark": {"policy.json", wide(binary.LittleEndian, starred), []finding.Code{"SLW903"}},
		"a last byte":    {"policy.json", append(wide(binary.LittleEndian, "\ufeff"+starred), '\n'), []finding.Code{"SLW903"}},
		"YAML":           {"policy.yaml", wide(binary.LittleEndian, "\ufeffStatement:\n  - Effect: Allow\n"), []finding.Code{"SLW903"}},
		"a script":       {"deploy.sh", wide(binary.LittleEndian, "\ufeffaws s3 ls\n"), []finding.Code{"SLW903"}},
		"of a role":      {"111122223333/Node/policy-x.json", wide(binary.LittleEndian, "\ufeff"+starred), []finding.Code{"SLW903"}},
		"of nothing":     {"package.json", wide(binary.LittleEndian, "\ufeff"+`{"name": "shop"}`), nil},
		"a mark":         {"policy.json", []byte("\ufeff" + starred), []finding.Code{"SLW226", "SLW004"}},
		"a mark in YAML": {"policy.yaml", []byte("\ufeffStatement:\n  - {Effect: Allow, Action: 'ssm:DeleteDocument', Resource: '*'}\nVersion: '2012-10-17'\n"), []finding.Code{"SLW004"}},
		"broken":         {"policy.json", []byte(`{"Version": "2012-10-17" "Statement": [{"Effect": "Allow"}]}`), []finding.Code{"SLW030"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := File{Name: tt.file, Content: tt.content}
			if known := KindOf(f) != KindNone; known != (tt.want != nil) {
				t.Fatalf("its kind is %q", KindOf(f))
			}
			var got []finding.Code
			for _, found := range Run(Input{Files: []File{f}}).Findings {
				got = append(got, found.Code)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %v, want %v", got, tt.want)
			}
		})
	}
}

// TestOneFileInUTF16LeavesTheOthers: the rest of a folder of roles is looked at, and what cannot be read is not taken for nothing.
func TestOneFileInUTF16LeavesTheOthers(t *testing.T) {
	t.Parallel()
	deploys := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "cloudformation:CreateStack", "Resource": "*"}]}`
	found := Run(Input{Files: []File{
		{Name: "111122223333/shop-DeployerRole/policy-a.json", Content: wide(binary.LittleEndian, "\ufeff"+starred)},
		{Name: "111122223333/shop-DeployerRole/policy-b.json", Content: []byte(deploys)},
	}}).Findings
	has := func(code finding.Code) bool {
		return slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Code == code })
	}
	if !has("SLW903") || !has("SLW066") {
		t.Errorf("found %v", found)
	}
	if has("SLW061") { // iam:PassRole may be in the file that cannot be read
		t.Errorf("found %v", found)
	}
}
