package iam_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

// compileAll compiles what the reference works on into what the package works on.
func compileAll(t rapid.TB, docs documents) *iam.PolicySet {
	t.Helper()
	set, err := compileDocuments(docs)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func compileDocuments(docs documents) (*iam.PolicySet, error) {
	compiled := map[iam.Layer][][]*iam.Policy{}
	for layer, levels := range docs {
		compiled[layer] = make([][]*iam.Policy, len(levels))
		for i, level := range levels {
			for _, d := range level {
				p, err := iam.Compile(d)
				if err != nil {
					return nil, err
				}
				compiled[layer][i] = append(compiled[layer][i], p)
			}
		}
	}
	all := func(l iam.Layer) []*iam.Policy { return slices.Concat(compiled[l]...) }
	one := func(l iam.Layer) *iam.Policy {
		if list := all(l); len(list) > 0 {
			return list[0]
		}
		return nil
	}
	return &iam.PolicySet{
		Identity: all(iam.LayerIdentity), Boundary: one(iam.LayerBoundary), Session: all(iam.LayerSession),
		Trust: one(iam.LayerTrust), Resource: one(iam.LayerResource), Endpoint: one(iam.LayerEndpoint),
		SCPs: compiled[iam.LayerSCP], RCPs: compiled[iam.LayerRCP],
	}, nil
}

// change returns a copy of the documents in which one statement is another.
func (docs documents) change(layer iam.Layer, level int, edit func([]*iam.Document) []*iam.Document) documents {
	out := maps.Clone(docs)
	out[layer] = slices.Clone(docs[layer])
	out[layer][level] = edit(slices.Clone(docs[layer][level]))
	return out
}

// with returns a copy of a document with one more statement.
func with(d *iam.Document, st iam.Statement) *iam.Document {
	changed := *d
	changed.Statements = append(slices.Clone(d.Statements), st)
	return &changed
}

func show(t rapid.TB, docs documents, r *iam.Request) {
	t.Helper()
	for _, layer := range slices.Sorted(maps.Keys(docs)) {
		for i, level := range docs[layer] {
			for _, d := range level {
				t.Logf("%s, level %d: %s", layer, i, d.JSON())
			}
		}
	}
	t.Logf("request: %+v", r)
}

func TestCompiledEqualsReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs := drawDocuments(t)
		set := compileAll(t, docs)
		for range 10 {
			compareWithReference(t, docs, set, drawRequest(t))
		}
	})
}

// compareWithReference fails unless every way of asking agrees with the reference.
func compareWithReference(t rapid.TB, docs documents, set *iam.PolicySet, r *iam.Request) {
	t.Helper()
	want, got := (&reference{docs, r}).verdict(), set.Evaluate(r)
	if got.Outcome != want.outcome {
		show(t, docs, r)
		t.Fatalf("got %s by %s, reference says %s by %v", got.Outcome, got.Layer, want.outcome, want.layers)
	}
	if set.Allowed(r) != (want.outcome == iam.Allowed) {
		show(t, docs, r)
		t.Fatal("Allowed disagrees with Evaluate")
	}
	if first := slices.Concat(want.layers, []iam.Layer{iam.LayerNone})[0]; got.Layer != first {
		show(t, docs, r)
		t.Fatalf("%s by %s, reference says by %v", got.Outcome, got.Layer, want.layers)
	}
	if free := (&reference{docs, r}).free(); !free && (len(got.Decisive) == 0) != (want.outcome == iam.ImplicitlyDenied) {
		show(t, docs, r)
		t.Fatalf("%s with %d decisive statements", got.Outcome, len(got.Decisive))
	}
}

func TestExplainAgreesWithEvaluate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, r := drawDocuments(t), drawRequest(t)
		set := compileAll(t, docs)
		x := set.Explain(r)
		if diff := cmp.Diff(set.Evaluate(r), x.Decision, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		var missing []iam.Layer
		if want := (&reference{docs, r}).verdict(); want.outcome == iam.ImplicitlyDenied {
			missing = want.layers
		}
		if diff := cmp.Diff(missing, x.Missing, cmpopts.EquateEmpty()); diff != "" {
			show(t, docs, r)
			t.Fatal(diff)
		}
		for _, n := range x.Near {
			// Within one account the resource's policy might have allowed it as well.
			instead := slices.Contains(missing, iam.LayerIdentity) && (n.Layer == iam.LayerResource || n.Layer == iam.LayerTrust)
			if !instead && !slices.Contains(missing, n.Layer) || n.Mismatch == "" || n.Detail == "" || n.Ref.Effect != iam.Allow {
				t.Fatalf("%+v is not near anything that is missing: %v", n, missing)
			}
		}
	})
}

// addStatements adds a statement with the effect to each document of each level, or to some of them.
func addStatements(t *rapid.T, docs documents, effect iam.Effect) documents {
	for _, layer := range slices.Sorted(maps.Keys(docs)) {
		for level := range docs[layer] {
			docs = docs.change(layer, level, func(list []*iam.Document) []*iam.Document {
				for i := range list {
					if !rapid.Bool().Draw(t, "change") {
						continue
					}
					st := drawStatement(t, layer)
					st.Effect = effect
					list[i] = with(list[i], st)
				}
				return list
			})
		}
	}
	return docs
}

func TestAddingADenyNeverAllows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, r := drawDocuments(t), drawRequest(t)
		before := compileAll(t, docs).Evaluate(r)
		after := compileAll(t, addStatements(t, docs, iam.Deny)).Evaluate(r)
		if after.Outcome == iam.Allowed && before.Outcome != iam.Allowed {
			show(t, docs, r)
			t.Fatalf("was %s, and allowed after adding denials", before.Outcome)
		}
	})
}

func TestAddingAnAllowNeverDenies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, r := drawDocuments(t), drawRequest(t)
		before := compileAll(t, docs).Evaluate(r)
		after := compileAll(t, addStatements(t, docs, iam.Allow)).Evaluate(r)
		if before.Outcome == iam.Allowed && after.Outcome != iam.Allowed {
			show(t, docs, r)
			t.Fatalf("was allowed, and %s after adding allowances", after.Outcome)
		}
		if (before.Outcome == iam.ExplicitlyDenied) != (after.Outcome == iam.ExplicitlyDenied) {
			show(t, docs, r)
			t.Fatalf("was %s, and is %s", before.Outcome, after.Outcome)
		}
	})
}

// TestOrderIsIrrelevant puts the statements of every document and the documents of every level in another order.
func TestOrderIsIrrelevant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, r := drawDocuments(t), drawRequest(t)
		before := compileAll(t, docs).Evaluate(r)
		for _, layer := range slices.Sorted(maps.Keys(docs)) {
			for level := range docs[layer] {
				docs = docs.change(layer, level, func(list []*iam.Document) []*iam.Document {
					for i, d := range list {
						changed := *d
						changed.Statements = rapid.Permutation(d.Statements).Draw(t, "statements")
						list[i] = &changed
					}
					return rapid.Permutation(list).Draw(t, "policies")
				})
			}
		}
		after := compileAll(t, docs).Evaluate(r)
		if before.Outcome != after.Outcome || before.Layer != after.Layer || len(before.Decisive) != len(after.Decisive) {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

// equalDocuments compares documents, positions aside; JSON has one way to say an empty list.
var equalDocuments = cmp.Options{
	cmpopts.IgnoreTypes(iam.Position{}), cmpopts.EquateEmpty(),
}

func TestJSONReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t, rapid.Bool().Draw(t, "attached"))
		d.ID = rapid.SampledFrom([]string{"", `an "id" <&> \`}).Draw(t, "id")
		text := d.JSON()
		back, err := iam.Parse("doc", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if again := back.JSON(); string(again) != string(text) {
			t.Fatalf("prints differently:\n%s\n%s", text, again)
		}
		for i := range d.Statements {
			groupByOperator(&d.Statements[i])
		}
		if diff := cmp.Diff(d, back, equalDocuments); diff != "" {
			t.Fatal(diff)
		}
	})
}

// groupByOperator puts conditions in the order that JSON has them in.
func groupByOperator(st *iam.Statement) {
	var out []iam.Condition
	for i, c := range st.Conditions {
		first := true
		for _, earlier := range st.Conditions[:i] {
			first = first && earlier.Operator != c.Operator
		}
		for _, later := range st.Conditions[i:] {
			if first && later.Operator == c.Operator {
				out = append(out, later)
			}
		}
	}
	st.Conditions = out
}
