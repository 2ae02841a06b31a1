package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Standing says how things are with a stage, or with one of its nodes.
type Standing string

// The standings of a stage.
const (
	StandingCurrent Standing = "current" // every node runs what the stage runs
	StandingDrift   Standing = "drift"   // some node does not
	StandingFailed  Standing = "failed"  // the last deploy failed
	StandingUnknown Standing = "unknown" // what became of the last deploy, or runs on a node, is not known
	StandingNothing Standing = "nothing" // nothing was ever deployed with success
)

// The standings of a node, besides current and unknown.
const (
	StandingOutdated Standing = "outdated" // it runs another version
	StandingJoined   Standing = "joined"   // no deploy has ever been on it
	StandingGone     Standing = "gone"     // the last deploy was for it, and it is no target any more
	StandingNew      Standing = "new"      // it runs what a deploy ships that has not ended
)

// The ways in which a deploy can be under way.
const (
	InProgress = "in progress"
	Died       = "died" // its slipway ended before it did, and has the lock no more
)

// LiveNode is one of a stage's targets as they are now.
type LiveNode struct {
	ID string
	// State in EC2's words; empty where that was not asked for.
	State string
}

// Survey is what a stage runs, by its record and by the nodes that are there.
type Survey struct {
	App      string   `json:"app"`
	Stage    string   `json:"stage"`
	Standing Standing `json:"standing"`
	// Why the standing is not current: one sentence each.
	Why []string `json:"why,omitempty"`
	// Version is what the stage runs: that of the last deploy that succeeded.
	Version string `json:"version,omitempty"`
	// Current is that deploy, Latest the last that began; they are often the same.
	Current *Summary `json:"current,omitempty"`
	Latest  *Summary `json:"latest,omitempty"`
	// UnderWay is InProgress or Died of a Latest that has not ended; otherwise empty.
	UnderWay string     `json:"underWay,omitempty"`
	Lock     LockView   `json:"lock"`
	Nodes    []NodeView `json:"nodes"`
}

// NodeView is what runs on a node.
type NodeView struct {
	ID       string   `json:"id"`
	Standing Standing `json:"standing"`
	// State of the instance, in EC2's words.
	State   string `json:"state,omitempty"`
	Version string `json:"version,omitempty"`
	// Deploy shipped that version, at Since; where no version is known it is the last that was begun on the node.
	Deploy string    `json:"deploy,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// Verdict and Why of the last deploy on it.
	Verdict string `json:"verdict,omitempty"`
	Why     string `json:"why,omitempty"`
}

// LockView is the lock for somebody who looks.
type LockView struct {
	Held bool `json:"held"`
	// Expired is true of a lock that its holder has let go by: everybody may take it.
	Expired bool `json:"expired,omitempty"`
	// Left is true of a lock that no slipway renews: its holder sent and went, and nobody has taken it up yet.
	Left bool `json:"left,omitempty"`
	// Owner has no token here: it would let everybody release the lock.
	Owner *Owner    `json:"owner,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Until is when everybody may take it, when it is not renewed.
	Until time.Time `json:"until,omitzero"`
}

// View is the lock as it is shown at a time.
func (st Status) View(now time.Time) LockView {
	if !st.Held {
		return LockView{}
	}
	o := st.Owner
	o.Token = ""
	return LockView{Held: true, Expired: st.Expired, Left: st.Lock.Left, Owner: &o, Since: st.Since, Until: now.Add(st.Left).UTC().Truncate(time.Second)}
}

// found is what a survey is made of.
type found struct {
	latest, current *Deploy
	lock            Status
	live            []LiveNode
	// named is true of a stage whose nodes are named: one that is not there is missed.
	named bool
	now   time.Time
}

// Survey reads what the stage runs. live are its targets as they are now; named says that the release names them.
func (s *Store) Survey(ctx context.Context, live []LiveNode, named bool) (*Survey, error) {
	f := found{live: live, named: named}
	var err error
	if f.lock, err = s.Lock(ctx); err != nil {
		return nil, err
	}
	f.now = s.c.Now()
	state, err := s.State(ctx)
	if err != nil {
		return nil, err
	}
	if f.latest, err = s.latest(ctx, state, f.lock); err != nil {
		return nil, err
	}
	if f.latest != nil && f.latest.ID == state.Current {
		f.current = f.latest
	} else if state.Current != "" {
		if f.current, err = s.Load(ctx, state.Current); err != nil {
			return nil, err
		}
	}
	view := f.survey()
	view.App, view.Stage = s.c.App, s.c.Stage
	return view, nil
}

// latest is the last deploy that began. One that died between its own object and the state is known by its lock; one that
// ended and has the lock still is followed by its rollback.
func (s *Store) latest(ctx context.Context, state State, lock Status) (*Deploy, error) {
	if lock.Held && lock.Owner.Deploy != "" && lock.Owner.Deploy != state.Latest {
		d, err := s.Load(ctx, lock.Owner.Deploy)
		if err == nil && d.Ended.IsZero() || err != nil && !errors.Is(err, ErrNotFound) {
			return d, err
		}
	}
	if state.Latest == "" {
		return nil, nil
	}
	return s.Load(ctx, state.Latest)
}

func (f *found) survey() *Survey {
	v := &Survey{Lock: f.lock.View(f.now), Nodes: []NodeView{}}
	if f.current != nil {
		v.Current, v.Version = f.current.Summary(), f.current.Name()
	}
	if f.latest != nil {
		v.Latest = f.latest.Summary()
		v.UnderWay = f.underWay()
		v.Latest.UnderWay = v.UnderWay
	}
	for _, n := range f.live {
		v.Nodes = append(v.Nodes, f.node(n, v.Version))
	}
	v.Nodes = append(v.Nodes, f.gone()...)
	slices.SortFunc(v.Nodes, func(a, b NodeView) int { return cmp.Compare(a.ID, b.ID) })
	f.judge(v)
	return v
}

func (f *found) underWay() string {
	switch {
	case !f.latest.Ended.IsZero():
		return ""
	case f.lock.Held && !f.lock.Expired && f.lock.Owner.Deploy != "" && strings.HasPrefix(f.latest.ID, f.lock.Owner.Deploy):
		return InProgress // itself, or the rollback that follows it under its lock, whose id begins with its own
	}
	return Died
}

// node is what the record knows of a node that is there.
func (f *found) node(live LiveNode, version string) NodeView {
	v := NodeView{ID: live.ID, State: live.State, Standing: StandingJoined}
	if f.latest == nil {
		return v
	}
	if why := f.out(live.ID); why != "" {
		v.Standing, v.Verdict, v.Why = StandingUnknown, "unknown", why
		v.Deploy, v.Since = f.latest.ID, idTime(f.latest.ID)
		return v
	}
	known, ok := f.latest.Nodes[live.ID]
	if !ok {
		return v
	}
	v.Version, v.Deploy, v.Verdict, v.Why = known.Version, known.Deploy, known.Verdict, known.Why
	v.Since = idTime(known.Deploy)
	switch {
	case known.Version == "" && known.Deploy == "":
		v.Standing = StandingJoined
	case known.Version == "":
		v.Standing = StandingUnknown
	case known.Version == version:
		v.Standing = StandingCurrent
	case f.underWay() != "" && known.Deploy == f.latest.ID && known.Version == f.latest.Name():
		v.Standing = StandingNew
	default:
		v.Standing = StandingOutdated
	}
	return v
}

// out says which command is out on a node, of a deploy that has not ended. What it does there nobody has looked at yet:
// neither the version before it nor the new one may be claimed. A check ships nothing.
func (f *found) out(node string) string {
	if f.underWay() == "" {
		return ""
	}
	for _, s := range slices.Backward(f.latest.Sends) {
		nodes := s.Nodes
		if len(nodes) == 0 { // it was sent to the targets themselves
			nodes = f.latest.Targets
		}
		everywhere := len(nodes) == 0 // who sent it could not look which nodes these are: it may be any
		if s.Verdict != "" || s.Check || !everywhere && !slices.Contains(nodes, node) {
			continue
		}
		if s.CommandID == "" {
			return "step " + s.Step + ": a command may be out: whether it was sent is not known yet"
		}
		return "step " + s.Step + ": command " + s.CommandID + " is out"
	}
	return ""
}

// gone are the nodes that the last deploy was for and that are no targets any more.
func (f *found) gone() []NodeView {
	if f.latest == nil {
		return nil
	}
	there := map[string]bool{}
	for _, n := range f.live {
		there[n.ID] = true
	}
	var gone []NodeView
	for _, id := range f.latest.Targets {
		if there[id] {
			continue
		}
		known := f.latest.Nodes[id]
		gone = append(gone, NodeView{ID: id, Standing: StandingGone, Version: known.Version, Deploy: known.Deploy,
			Since: idTime(known.Deploy), Verdict: known.Verdict, Why: known.Why})
	}
	return gone
}

// judge says how things are. A failure that is known comes before what is not known, and that before drift.
func (f *found) judge(v *Survey) {
	f.judgeLatest(v)
	if f.current == nil {
		v.say(StandingNothing, "nothing was deployed with success yet")
	}
	counts := map[Standing]int{}
	for _, n := range v.Nodes {
		counts[n.Standing]++
	}
	if n := counts[StandingUnknown]; n > 0 {
		v.say(StandingUnknown, "what runs on %s is not known", nodesText(n))
	}
	if n := counts[StandingNew]; n > 0 {
		v.say(StandingUnknown, "%s on the new version, %s", nodesText(n), f.latest.Name())
	}
	if n := counts[StandingOutdated]; n > 0 {
		v.say(StandingDrift, "%s on another version", nodesText(n))
	}
	if n := counts[StandingJoined]; n > 0 {
		v.say(StandingDrift, "%s joined and never deployed to", nodesText(n))
	}
	if n := counts[StandingGone]; n > 0 && f.named {
		v.say(StandingDrift, "%s of the last deploy gone", nodesText(n))
	} else if n > 0 { // groups of nodes become smaller: no fault of what is there
		v.Why = append(v.Why, nodesText(n)+" of the last deploy gone")
	}
	if v.Standing == "" {
		v.Standing = StandingCurrent
	}
}

func (f *found) judgeLatest(v *Survey) {
	l := f.latest
	switch {
	case l == nil:
	case v.UnderWay != "" && l.Detached:
		v.say(StandingUnknown, "deploy %s was sent, and left: nobody watches it", l.ID)
	case v.UnderWay == InProgress:
		v.say(StandingUnknown, "deploy %s is in progress", l.ID)
	case v.UnderWay == Died:
		v.say(StandingUnknown, "deploy %s was broken off: its slipway died", l.ID)
	case l.Verdict == "failed":
		v.say(StandingFailed, "the last deploy, %s, failed%s", l.ID, because(l.Why))
	case l.Verdict != "succeeded" && l.Verdict != "refused":
		v.say(StandingUnknown, "the last deploy, %s, is %s%s", l.ID, cmp.Or(l.Verdict, "without a verdict"), because(l.Why))
	}
}

// say gives a reason; the first one is the standing.
func (v *Survey) say(standing Standing, format string, args ...any) {
	v.Standing = cmp.Or(v.Standing, standing)
	v.Why = append(v.Why, fmt.Sprintf(format, args...))
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

func nodesText(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}
