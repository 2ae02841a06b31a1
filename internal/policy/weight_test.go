package policy

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// TestWeights holds the estimate of a policy's memory against the heap: the bounds of the caches rest on it. It does not
// run in parallel with others, which would be measured as well.
func TestWeights(t *testing.T) {
	list := func(s string) string { return `["` + strings.Repeat(s+`","`, 99) + s + `"]` }
	statement := func(rest string) string { return `{"Statement":[{"Effect":"Deny","Action":"s3:*",` + rest + `}]}` }
	for name, text := range map[string]string{
		"one statement":   statement(`"Resource":"*"`),
		"many statements": `{"Statement":[` + strings.Repeat(`{"Effect":"Deny","Action":"s3:*","Resource":"*"},`, 99) + `{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`,
		"resources":       statement(`"Resource":` + list("arn:aws:s3:::b/*/${aws:username}/x")),
		"wildcards":       statement(`"Resource":` + list("*a*")),
		"principals":      statement(`"Resource":"*","Principal":{"AWS":` + list("111122223333") + `}`),
		"addresses":       statement(`"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":` + list("10.0.0.0/8") + `}}`),
		"conditions":      statement(`"Resource":"*","Condition":{"StringEquals":{"a:a":"1","a:b":"2","a:c":["3","4"]},"ArnLike":{"a:d":"arn:aws:ec2:*:*:instance/i-1"}}`),
	} {
		const n = 300
		kept := make([]*iam.Policy, n)
		before := heap()
		for i := range kept {
			p, err := iam.ParsePolicy(fmt.Sprint(i), []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			kept[i] = p
		}
		got := float64(heap()-before) / n
		want := float64(weigh(text, kept[0].Document()) - len(text)) // the cache's copy of the text is not in this heap
		if runtime.KeepAlive(kept); want < got*2/3 || want > got*5/2 {
			t.Errorf("%s: estimated %.0f bytes, measured %.0f", name, want, got)
		}
	}
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
