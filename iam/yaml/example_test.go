package yaml_test

import (
	"fmt"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
)

// A policy flips between the notations without loss, CloudFormation's functions included.
func Example() {
	src := `{"Version": "2012-10-17", "Statement": {
  "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": {"Fn::Sub": "${Bucket.Arn}/*"}}}`
	d, findings := iam.Read("policy.json", []byte(src), iam.ReadOptions{Intrinsics: true})
	for _, finding := range findings {
		fmt.Println(finding)
	}
	text, err := yaml.Print(d)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))
	// Output:
	// Version: '2012-10-17'
	// Statement:
	//   - Effect: Allow
	//     Action: s3:GetObject
	//     Resource: !Sub ${Bucket.Arn}/*
}
