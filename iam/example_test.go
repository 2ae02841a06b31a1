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

// Two policies make a request: a boundary that does not know the action is what denies it, and Explain says what to add.
func ExampleExplanation() {
	compile := func(name, statement string) *iam.Policy {
		p, err := iam.ParsePolicy(name, []byte(`{"Version":"2012-10-17","Statement":[`+statement+`]}`))
		if err != nil {
			fmt.Println(err)
		}
		return p
	}
	set := iam.PolicySet{
		Identity: []*iam.Policy{compile("deploy.json", `{"Effect":"Allow","Action":"ssm:*","Resource":"*"}`)},
		Boundary: compile("boundary.json", `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`),
		SCPs:     [][]*iam.Policy{{iam.AllowAll("FullAWSAccess")}},
	}
	x := set.Explain(&iam.Request{
		Principal: iam.Principal{ARN: "arn:aws:iam::111122223333:user/ann", Account: "111122223333"},
		Action:    "ssm:SendCommand",
		Resource:  "arn:aws:ssm:eu-west-1:111122223333:document/web-dev",
	})
	fmt.Println(x.Missing)
	for _, r := range x.Remedies {
		d := iam.Document{Version: iam.Version2012, Statements: []iam.Statement{r.Statement}}
		fmt.Printf("add to %s:\n%s", r.Layer, d.JSON())
	}
	// Output:
	// [boundary]
	// add to boundary:
	// {
	//   "Version": "2012-10-17",
	//   "Statement": [
	//     {
	//       "Effect": "Allow",
	//       "Action": "ssm:SendCommand",
	//       "Resource": "arn:aws:ssm:eu-west-1:111122223333:document/web-dev"
	//     }
	//   ]
	// }
}
