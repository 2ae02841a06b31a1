package given_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/roles/given"
)

// TestHostileFiles: what somebody writes to keep a reader busy is read, or refused; one that is not bounded does not come to an
// end here.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	users, policies := &strings.Builder{}, &strings.Builder{}
	for i := range 4000 {
		fmt.Fprintf(users, ",\"U%d\":{\"Type\":\"AWS::IAM::User\",\"Properties\":{\"Groups\":[\"g\"]}}", i)
		fmt.Fprintf(policies, ",{\"PolicyName\":\"p%d\",\"PolicyDocument\":{\"Version\":\"2012-10-17\",\"Statement\":[]}}", i)
	}
	group := `"G":{"Type":"AWS::IAM::Group","Properties":{"GroupName":"g","Policies":[` + strings.TrimPrefix(policies.String(), ",") + `]}}`
	chain := &strings.Builder{}
	for i := range 200 {
		fmt.Fprintf(chain, ",\"R%d\":{\"Type\":\"AWS::IAM::Role\",\"Properties\":{\"RoleName\":{\"Fn::Sub\":\"${R%d}${R%d}\"}}}", i, i+1, i+1)
	}
	for name, test := range map[string]struct{ text, want string }{
		"a group with everybody":    {`{"Resources":{` + group + users.String() + `}}`, "policies from groups"},
		"names of names":            {`{"Resources":{"A":{"Type":"AWS::IAM::Role"}` + chain.String() + `}}`, ""},
		"a name of itself":          {`{"Resources":{"A":{"Type":"AWS::IAM::Role","Properties":{"RoleName":{"Ref":"A"}}}}}`, ""},
		"a condition of itself":     {`{"Conditions":{"C":{"Condition":"C"}},"Resources":{"A":{"Type":"AWS::IAM::Role","Condition":"C"}}}`, ""},
		"many values":               {`{"a":[` + strings.Repeat(`0,`, 3_000_000) + `0]}`, "more than 2000000 values"},
		"deep":                      {`{"a":` + strings.Repeat(`[`, 1000) + strings.Repeat(`]`, 1000) + `}`, "nested more than 200 deep"},
		"a large value, many times": {`{"Parameters":{"P":{"Type":"String","Default":"` + strings.Repeat("x", 4000) + `"}},"Resources":{"A":{"Type":"AWS::IAM::Role","Properties":{"RoleName":{"Fn::Sub":"` + strings.Repeat("${P}", 100_000) + `"}}}}}`, "its functions make more than"},
		"a mark in a name":          {`{"Resources":{"A":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"\u0000{}"}}}}`, "RoleName of A must be a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, findings := given.Read("file", []byte(test.text), given.Options{Account: "111122223333", Region: "eu-west-1"})
			err := given.Error(findings)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
