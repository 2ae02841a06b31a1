package iam

import (
	"strings"
	"testing"
	"time"
)

// TestServicePatterns: whose policy has a pattern of many stars does not keep the local AWS busy.
func TestServicePatterns(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		"": false, "*": true, "s?m": true, "ss*": true, "*m": true, "s*s*m": true, "?": false, "ssm": true, "ssmx": false, "*x": false, "ssm*": true, "ssm?": false, "**": true,
	} {
		if got := matches(pattern, "ssm"); got != want {
			t.Errorf("%q: %v", pattern, got)
		}
	}
	begun := time.Now()
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + strings.Repeat("*", 12) + `0:x","Resource":"*"}]}`
	if services := servicesOf([]string{document}); len(services) != 0 {
		t.Errorf("got %v", services)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %s", took)
	}
}
