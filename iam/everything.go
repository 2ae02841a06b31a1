package iam

// AllowAll is a policy that allows everything, for the layers whose policies name no principals: what a root user may,
// and what AWS's FullAWSAccess, the service control policy that every organization begins with, says.
func AllowAll(name string) *Policy { return everything(name, nil) }

// AllowEveryone is a policy that allows everything to everyone, for the layers whose policies name principals: what
// AWS's RCPFullAWSAccess says, and a VPC endpoint's default policy.
func AllowEveryone(name string) *Policy {
	return everything(name, []PrincipalPattern{{Kind: AnyPrincipal}})
}

func everything(name string, principals []PrincipalPattern) *Policy {
	all := []string{"*"}
	p, err := Compile(&Document{Name: name, Version: Version2012, Statements: []Statement{
		{Effect: Allow, Principals: principals, Actions: all, Resources: all},
	}})
	if err != nil {
		// There is nothing in the document to get wrong. An empty policy allows nothing.
		return &Policy{Name: name, document: &Document{Name: name}}
	}
	return p
}
