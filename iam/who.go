package iam

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Subject is a principal with every policy that limits or grants what it may do.
type Subject struct {
	Principal Principal
	// Policies is as for [PolicySet.Evaluate], but that its Trust and Resource are not used: they belong to a [Call].
	// nil is the empty set.
	Policies *PolicySet
	// Context holds the condition keys that come from the principal itself, such as aws:PrincipalArn, aws:username and
	// aws:PrincipalTag/….
	Context map[string][]string
}

// Call is a request without its principal.
type Call struct {
	Action, Resource string // as in [Request]
	Account          string // as in [Request]
	// Context holds the condition keys of the call. A key that the subject has as well has the call's values.
	Context map[string][]string
	// ResourcePolicy and Trust are the policies of the resource: see [PolicySet].
	ResourcePolicy, Trust *Policy
}

// Access says who may do what: the outcome of every call by every subject. It is immutable.
type Access struct {
	subjects int
	outcomes []Outcome // by call, then by subject
}

// Outcome is the answer to a call by a subject, both counted from 0 in the order in which [WhoCan] was given them.
func (a *Access) Outcome(subject, call int) Outcome { return a.outcomes[call*a.subjects+subject] }

// Allowed says whether a subject may make a call.
func (a *Access) Allowed(subject, call int) bool { return a.Outcome(subject, call) == Allowed }

// WhoCan answers every call for every subject, exactly as [PolicySet.Evaluate] would.
//
// A policy that several subjects have is evaluated once for each call, unless one of its statements about the call's
// action reads a condition key, or a policy variable, that subjects have different values of: it is then evaluated
// for each subject. Policies are the same when their statements are; names, Ids, Sids and positions may differ.
//
// It uses up to GOMAXPROCS goroutines; the answer does not depend on how many. Besides the answer, which takes a byte
// for each pair of subject and call, it needs memory in proportion to the subjects' policies and a table of at most
// four megabytes, or a byte for each distinct policy if that is more.
func WhoCan(subjects []Subject, calls []Call) *Access {
	a := &Access{subjects: len(subjects), outcomes: make([]Outcome, len(subjects)*len(calls))}
	if len(a.outcomes) == 0 {
		return a
	}
	w := newWho(subjects, calls)
	const tableBytes = 4 << 20
	step := max(1, tableBytes/max(1, len(w.policies)+len(w.stacks)))
	for from := 0; from < len(calls); from += step {
		part := w.order[from:min(from+step, len(calls))]
		t := w.table(part)
		parallel(len(subjects), func(lo, hi int) { w.decide(t, lo, hi, a) })
	}
	return a
}

// who is the question, with equal policies made the same.
type who struct {
	calls    []whoCall
	order    []int // the calls by their action, so that those of one action follow each other
	subjects []whoSubject
	policies []sharedPolicy
	stacks   []stack
	shared   Context // the keys that all subjects have with the same values
}

// whoCall is a call, prepared.
type whoCall struct {
	*Call
	filter  filter
	account string // that owns the resource
	// given are the call's own keys, shared those with the keys that all subjects share.
	given, shared Context
	// personal says that a policy of the resource reads what subjects differ in.
	personal bool
}

// whoSubject is a subject, prepared. Policies are named by their index in the who.
type whoSubject struct {
	*Subject
	set      PolicySet // the subject's, without the policies of a resource
	identity []int32
	session  []int32
	boundary []int32 // one at the most
	stack    int32   // of service control policies
	context  Context
	// personal says that a policy in which principals are named, other than the resource's, reads what subjects differ in.
	personal bool
}

func newWho(subjects []Subject, calls []Call) *who {
	w := &who{
		calls: make([]whoCall, len(calls)), order: make([]int, len(calls)), subjects: make([]whoSubject, len(subjects)),
	}
	parallel(len(subjects), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			w.subjects[i] = whoSubject{Subject: &subjects[i]}
			if len(subjects[i].Context) > 0 {
				w.subjects[i].context = NewContext(subjects[i].Context)
			}
		}
	})
	differing := w.differing()
	in := newInterner(w, differing)
	for i := range calls {
		w.calls[i] = w.call(&calls[i], in)
		w.order[i] = i
	}
	slices.SortStableFunc(w.order, func(i, j int) int { return strings.Compare(calls[i].Action, calls[j].Action) })
	in.last = nil
	for i := range w.subjects {
		in.subject(&w.subjects[i])
	}
	return w
}

// differing finds the condition keys of which not all subjects have the same values, and keeps the others.
func (w *who) differing() map[string]bool {
	keys, first := map[string]bool{}, w.subjects[0].context
	shared := map[string][]string{}
	for key, values := range first.values {
		shared[key] = values
	}
	for i := range w.subjects {
		other := w.subjects[i].context
		for key, values := range shared {
			if !slices.Equal(values, other.values[key]) {
				delete(shared, key)
				keys[key] = true
			}
		}
		for key := range other.values {
			if _, same := shared[key]; !same {
				keys[key] = true
			}
		}
	}
	w.shared = Context{values: shared}
	return keys
}

func (w *who) call(c *Call, in *interner) whoCall {
	out := whoCall{Call: c, filter: filterOf(c.Action), shared: w.shared}
	if len(c.Context) > 0 {
		out.given = NewContext(c.Context)
		out.shared = out.given.over(w.shared)
	}
	if out.account = c.Account; out.account == "" {
		out.account = arnAccount(c.Resource)
	}
	out.personal = in.personal(c.ResourcePolicy) || in.personal(c.Trust)
	return out
}

// parallel calls f with ranges that together are 0 to n, on several goroutines, and returns when all are done.
func parallel(n int, f func(lo, hi int)) {
	const block = 64
	workers := min(runtime.GOMAXPROCS(0), (n+block-1)/block)
	if workers <= 1 {
		f(0, n)
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for lo := int(next.Add(block)) - block; lo < n; lo = int(next.Add(block)) - block {
				f(lo, min(lo+block, n))
			}
		})
	}
	group.Wait()
}
