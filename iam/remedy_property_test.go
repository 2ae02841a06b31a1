package iam_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

// apply adds a remedy's statement where it belongs: as a policy of its own where there may be several, and else to the
// policy that is there.
func apply(docs documents, r iam.Remedy) documents {
	fresh := &iam.Document{Name: "remedy", Version: iam.Version2012, Statements: []iam.Statement{r.Statement}}
	levels, exists := docs[r.Layer]
	if !exists {
		levels = [][]*iam.Document{nil}
	}
	docs = documents{r.Layer: levels}.join(docs)
	return docs.change(r.Layer, r.Level, func(list []*iam.Document) []*iam.Document {
		switch r.Layer {
		case iam.LayerBoundary, iam.LayerTrust, iam.LayerResource, iam.LayerEndpoint:
			if len(list) > 0 {
				return []*iam.Document{with(list[0], r.Statement)}
			}
		}
		return append(list, fresh)
	})
}

// join adds the layers that are not there from others.
func (docs documents) join(others documents) documents {
	for layer, levels := range others {
		if _, exists := docs[layer]; !exists {
			docs[layer] = levels
		}
	}
	return docs
}

// TestRemediesAreEnoughAndNotTooMuch adds what Explain says is missing, and then all but one of it.
func TestRemediesAreEnoughAndNotTooMuch(t *testing.T) {
	t.Parallel()
	remedied := 0
	rapid.Check(t, func(t *rapid.T) {
		docs, r := drawDocuments(t), drawRequest(t)
		x := compileAll(t, docs).Explain(r)
		if x.Decision.Outcome != iam.ImplicitlyDenied {
			if len(x.Remedies) > 0 {
				t.Fatalf("%s, and yet there are remedies: %+v", x.Decision.Outcome, x.Remedies)
			}
			return
		}
		if len(x.Remedies) == 0 {
			if nameless(docs, r) {
				return
			}
			show(t, docs, r)
			t.Fatal("nothing would allow the request")
		}
		remedied++
		for leftOut := -1; leftOut < len(x.Remedies); leftOut++ {
			better := docs
			for i, remedy := range x.Remedies {
				if i != leftOut {
					better = apply(better, remedy)
				}
			}
			want := leftOut < 0
			if got := compileAll(t, better).Evaluate(r); (got.Outcome == iam.Allowed) != want {
				show(t, docs, r)
				t.Fatalf("with %+v, but for number %d, the answer is %s by %s", x.Remedies, leftOut, got.Outcome, got.Layer)
			}
		}
	})
	if remedied == 0 && !t.Failed() {
		t.Error("no request was denied implicitly")
	}
}

// nameless says whether no statement can tell the caller from everybody else: nothing is then offered.
func nameless(docs documents, r *iam.Request) bool {
	switch r.Principal.Kind {
	case iam.PrincipalAnonymous:
		_, assumes := docs[iam.LayerTrust]
		return assumes
	case iam.PrincipalFederated:
		_, provider, _ := strings.Cut(r.Principal.ARN, "-provider/")
		return len(r.Context.Get(provider+":sub")) != 1 || len(r.Context.Get(provider+":aud")) != 1
	}
	return false
}

// TestRemedyForWebIdentity: a trust policy that names a provider alone lets in everybody who has an account there.
func TestRemedyForWebIdentity(t *testing.T) {
	t.Parallel()
	const host = "token.actions.githubusercontent.com"
	r := &iam.Request{
		Principal: iam.Principal{Kind: iam.PrincipalFederated, ARN: "arn:aws:iam::111122223333:oidc-provider/" + host, Account: "111122223333"},
		Action:    "sts:AssumeRoleWithWebIdentity", Resource: "arn:aws:iam::111122223333:role/Deploy", Account: "111122223333",
	}
	set := &iam.PolicySet{Trust: compilePolicy(t, "")}
	if x := set.Explain(r); len(x.Remedies) != 0 {
		t.Errorf("%+v lets in every token of the provider", x.Remedies)
	}
	r.Context = iam.NewContext(map[string][]string{host + ":aud": {"sts.amazonaws.com"}, host + ":sub": {"repo:acme/web:ref:refs/heads/main"}})
	x := set.Explain(r)
	if len(x.Remedies) != 1 || len(x.Remedies[0].Statement.Conditions) != 2 {
		t.Fatalf("got %+v, want one statement with two conditions", x.Remedies)
	}
}

// TestRemediesSayNoMore shows that a remedy allows this action on this resource only.
func TestRemediesSayNoMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, r := drawDocuments(t), drawRequest(t)
		for _, remedy := range compileAll(t, docs).Explain(r).Remedies {
			st := remedy.Statement
			if remedy.Layer == iam.LayerRCP {
				continue // AWS supports Allow in RCPFullAWSAccess only
			}
			if st.Effect != iam.Allow || !slices.Equal(st.Actions, []string{r.Action}) || len(st.NotActions)+len(st.NotResources)+len(st.NotPrincipals) > 0 {
				t.Fatalf("more than the request needs: %+v", st)
			}
			if remedy.Layer == iam.LayerTrust != (len(st.Resources) == 0) {
				t.Fatalf("a remedy for %s with resources %v", remedy.Layer, st.Resources)
			}
		}
	})
}
