package render

import (
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/internal/roles"
)

// StackSet gives one template for all accounts, for a stack set (R127): stackset.yaml. Each resource has the condition that
// the stack is in its account, so that every account gets its own roles and no other's.
func StackSet(s *roles.Set, o Options) (map[string][]byte, error) {
	list, err := accounts(s)
	if err != nil {
		return nil, err
	}
	const file = "stackset.yaml"
	t := newTemplate(o, stackSetHead(o, list, file), "Roles of "+o.App+" in all of its accounts, rendered by slipway")
	for i := range list {
		condition := "In" + list[i].id
		add(t.conditions, condition, tagged("!Equals", sequence(tagged("!Ref", text("AWS::AccountId")), text(list[i].id))))
		t.account(&list[i], condition)
	}
	out, err := t.print()
	if err != nil {
		return nil, fmt.Errorf("stack set: %w", err)
	}
	return map[string][]byte{file: out}, nil
}

func stackSetHead(o Options, list []account, file string) []string {
	var ids []string
	for _, a := range list {
		ids = append(ids, a.id)
	}
	lines := []string{
		"The roles of " + o.App + " in all of its accounts. slipway renders this file: change the release file, not this.",
		"",
		"  aws cloudformation create-stack-set --stack-set-name " + o.App + "-roles --template-body file://" + file + " \\",
		"    --capabilities CAPABILITY_NAMED_IAM",
		"  aws cloudformation create-stack-instances --stack-set-name " + o.App + "-roles --regions REGION \\",
		"    --accounts " + strings.Join(ids, " "),
		"",
	}
	lines = append(lines, roles.Wrap("One region is enough, and more are refused: the roles have names, and IAM is the same in all regions. A policy of a "+
		"bucket must be deployed in the bucket's region. Each account gets its own roles only.", 112)...)
	return append(lines, (&account{providers: allProviders(list)}).needs(o)...)
}

func allProviders(list []account) []provider {
	var all account
	for _, a := range list {
		for _, p := range a.providers {
			all.provider(p.host, p.audiences)
		}
	}
	return all.providers
}
