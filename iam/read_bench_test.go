package iam_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// policy6kB is a policy of 30 statements and about 6 kB, indented as people write them.
func policy6kB() []byte {
	var statements []string
	for i := range 30 {
		statements = append(statements, fmt.Sprintf(`{
  "Effect": "Allow",
  "Action": ["ssm:SendCommand", "ssm:ListCommands"],
  "Resource": "arn:aws:ssm:eu-west-1:111122223333:document/%d",
  "Condition": {"StringEquals": {"aws:ResourceTag/app": "shop"}}
}`, i))
	}
	return []byte("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [" + strings.Join(statements, ",") + "]\n}\n")
}

func BenchmarkParse6kB(b *testing.B) {
	src := policy6kB()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := iam.Parse("p", src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSON6kB(b *testing.B) {
	d, err := iam.Parse("p", policy6kB())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		d.JSON()
	}
}

func BenchmarkStdlibAny6kB(b *testing.B) {
	src := policy6kB()
	for b.Loop() {
		var v any
		if err := json.Unmarshal(src, &v); err != nil {
			b.Fatal(err)
		}
	}
}
