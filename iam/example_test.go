package iam_test

import (
	"fmt"

	"github.com/slipway-cd/slipway/iam"
)

// The role may send a command, and may not read what came of it.
func ExamplePolicySet_Explain() {
	policy, err := iam.ParsePolicy("deploy.json", []byte(`{
  "Version": "2012-10-17",
  "Statement": [{
    "Sid": "QueueDeployCommand",
    "Effect": "Allow",
    "Action": "ssm:SendCommand",
    "Resource": "*"
  }]
}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	set := iam.PolicySet{Identity: []*iam.Policy{policy}}
	x := set.Explain(&iam.Request{
		Principal: iam.Principal{
			ARN:     "arn:aws:sts::111122223333:assumed-role/web-dev-Deploy/run",
			RoleARN: "arn:aws:iam::111122223333:role/slipway/web-dev-Deploy",
			Account: "111122223333",
		},
		Action:   "ssm:GetCommandInvocation",
		Resource: "*",
	})
	fmt.Println(x.Decision.Outcome, x.Decision.Layer)
	for _, n := range x.Near {
		fmt.Printf("%s line %d: %s: %s\n", n.Ref.Policy, n.Ref.Pos.Line, n.Ref.Statement, n.Detail)
	}
	// Output:
	// ImplicitlyDenied identity
	// deploy.json line 3: QueueDeployCommand: allows ssm:SendCommand, the request is ssm:GetCommandInvocation
}

func ExampleParse() {
	_, err := iam.Parse("trust.json", []byte("{\n  \"Statement\": {\n    \"Effect\": \"Allow\",\n    \"Effect\": \"Deny\"\n  }\n}"))
	fmt.Println(err)
	// Output:
	// trust.json:4:5: duplicate key "Effect": already given at line 3, column 5
}
