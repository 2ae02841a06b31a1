package given

import (
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// The bounds on what values of parameters can make of a template: CloudFormation takes 4,096 bytes as a parameter's value,
// and 1 MB as a template.
const (
	maxValue    = 4096
	maxResolved = 8 << 20
	maxNesting  = 100
)

// resolver evaluates CloudFormation's functions as far as their arguments are known ("Intrinsic function reference", AWS
// CloudFormation user guide). What is not known stays the call that it is.
type resolver struct {
	template *template
	left     int // bytes that may still be made
	depth    int
}

// noValue is what AWS::NoValue becomes: the property, or the item, is not there.
var noValue = iam.Node{Kind: iam.NullNode, Text: "AWS::NoValue"}

func isNoValue(n *iam.Node) bool { return n.Kind == iam.NullNode && n.Text == noValue.Text }

// value resolves a value with all that is in it.
func (r *resolver) value(n *iam.Node) iam.Node {
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > maxNesting {
		return *n
	}
	if call, argument, ok := callOf(n); ok {
		out := r.call(n, call, argument)
		out.Pos = n.Pos
		return out
	}
	out := *n
	switch n.Kind {
	case iam.ListNode:
		out.Items = make([]iam.Node, 0, len(n.Items))
		for i := range n.Items {
			if item := r.value(&n.Items[i]); !isNoValue(&item) {
				out.Items = append(out.Items, item)
			}
		}
	case iam.ObjectNode:
		out.Fields = make([]iam.Field, 0, len(n.Fields))
		for _, f := range n.Fields {
			if f.Value = r.value(&f.Value); !isNoValue(&f.Value) {
				out.Fields = append(out.Fields, f)
			}
		}
	case iam.StringNode:
		if strings.Contains(n.Text, "{{resolve:") {
			return dynamic(n)
		}
	}
	return out
}

// dynamic keeps a dynamic reference from being taken for text: it is replaced at deploy time, as the arguments of functions are.
func dynamic(n *iam.Node) iam.Node {
	argument := list(text(""), list(text(n.Text)))
	return called("Fn::Join", argument, n.Pos)
}

// callOf takes a call of a function apart.
func callOf(n *iam.Node) (name string, argument *iam.Node, ok bool) {
	if n.Kind != iam.ObjectNode || len(n.Fields) != 1 {
		return "", nil, false
	}
	f := &n.Fields[0]
	if f.Name != "Ref" && !strings.HasPrefix(f.Name, "Fn::") {
		return "", nil, false
	}
	return f.Name, &f.Value, true
}

// call evaluates a call; what cannot be evaluated is given back with its arguments resolved.
func (r *resolver) call(n *iam.Node, name string, argument *iam.Node) iam.Node {
	var out iam.Node
	ok := false
	switch name {
	case "Ref":
		out, ok = r.reference(argument.Text)
	case "Fn::GetAtt":
		out, ok = r.attribute(argument)
	case "Fn::Sub":
		return r.substitute(n, argument)
	case "Fn::If":
		return r.choose(n, argument)
	case "Fn::FindInMap":
		out, ok = r.find(argument)
	case "Fn::Join", "Fn::Select", "Fn::Split":
		resolved := r.value(argument)
		if out, ok = r.strings(name, &resolved); !ok {
			return called(name, resolved, n.Pos)
		}
	}
	if !ok || !r.afford(&out) || strings.Contains(out.Text, "{{resolve:") {
		return *n
	}
	return out
}

// afford counts what is made: beyond what a template can sensibly make, nothing is evaluated any more.
func (r *resolver) afford(n *iam.Node) bool {
	r.left -= len(n.Text) + 16
	for i := range n.Items {
		r.left -= len(n.Items[i].Text) + 16
	}
	return r.left >= 0
}

// reference is the value of a parameter, or what Ref gives for a resource.
func (r *resolver) reference(name string) (iam.Node, bool) {
	if v, ok := r.template.parameters[name]; ok {
		return v, true
	}
	if v, ok := r.pseudo(name); ok {
		return v, true
	}
	return r.template.ref(r, name)
}

func (r *resolver) pseudo(name string) (iam.Node, bool) {
	o := &r.template.options
	value := ""
	switch name {
	case "AWS::NoValue":
		return noValue, true
	case "AWS::AccountId":
		value = o.Account
	case "AWS::Region":
		value = o.Region
	case "AWS::Partition":
		value = o.Partition
	case "AWS::URLSuffix":
		value = suffixes[o.Partition]
	}
	return text(value), value != ""
}

// suffixes are the domains of partitions.
var suffixes = map[string]string{"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}

// partitionOf is the partition of a region; empty for no region.
func partitionOf(region string) string {
	switch {
	case region == "":
		return ""
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "us-iso"), strings.HasPrefix(region, "eu-isoe"), strings.HasPrefix(region, "eusc-"):
		return "" // each of these has its own, and none is known here
	}
	return "aws"
}

// partitionIn is the partition that a template is for, by what it names of IAM in its account, or of AWS's own: that is nowhere
// else. Empty where it names nothing, or of several.
func partitionIn(root *iam.Node, account string) (partition string) {
	several := false
	var look func(n *iam.Node)
	look = func(n *iam.Node) {
		if n.Kind == iam.StringNode && strings.HasPrefix(n.Text, "arn:") {
			f := strings.SplitN(n.Text, ":", 6)
			if len(f) == 6 && f[2] == "iam" && (f[4] == "aws" || account != "" && f[4] == account) && !strings.ContainsAny(f[1], "*?$") {
				several = several || partition != "" && partition != f[1]
				partition = f[1]
			}
		}
		for i := range n.Items {
			look(&n.Items[i])
		}
		for i := range n.Fields {
			look(&n.Fields[i].Value)
		}
	}
	look(root)
	if several {
		return ""
	}
	return partition
}

// attribute is what GetAtt gives; its argument is a list, or text with a dot.
func (r *resolver) attribute(argument *iam.Node) (iam.Node, bool) {
	resource, attribute, ok := attributeOf(argument)
	if !ok {
		return iam.Node{}, false
	}
	return r.template.attribute(r, resource, attribute)
}

func attributeOf(argument *iam.Node) (resource, attribute string, ok bool) {
	if argument.Kind == iam.StringNode {
		return strings.Cut(argument.Text, ".")
	}
	if argument.Kind != iam.ListNode || len(argument.Items) != 2 ||
		argument.Items[0].Kind != iam.StringNode || argument.Items[1].Kind != iam.StringNode {
		return "", "", false
	}
	return argument.Items[0].Text, argument.Items[1].Text, true
}

// choose evaluates Fn::If.
func (r *resolver) choose(n, argument *iam.Node) iam.Node {
	if argument.Kind != iam.ListNode || len(argument.Items) != 3 || argument.Items[0].Kind != iam.StringNode {
		return *n
	}
	holds, known := r.template.condition(r, argument.Items[0].Text)
	switch {
	case known && holds:
		return r.value(&argument.Items[1])
	case known:
		return r.value(&argument.Items[2])
	}
	then, otherwise := r.value(&argument.Items[1]), r.value(&argument.Items[2])
	return called("Fn::If", list(argument.Items[0], written(then), written(otherwise)), n.Pos)
}

// written gives what stands for no value its name again, within a call that stays one.
func written(n iam.Node) iam.Node {
	if isNoValue(&n) {
		return called("Ref", text("AWS::NoValue"), n.Pos)
	}
	return n
}

// find looks into a mapping.
func (r *resolver) find(argument *iam.Node) (iam.Node, bool) {
	if argument.Kind != iam.ListNode || len(argument.Items) != 3 {
		return iam.Node{}, false
	}
	at := r.template.mappings
	for i := range argument.Items {
		key := r.value(&argument.Items[i])
		if key.Kind == iam.ListNode || key.Kind == iam.ObjectNode {
			return iam.Node{}, false
		}
		if at = at.Field(key.Text); at == nil {
			return iam.Node{}, false
		}
	}
	return *at, true
}

// strings evaluates the functions on strings and lists of strings.
func (r *resolver) strings(name string, argument *iam.Node) (iam.Node, bool) {
	if argument.Kind != iam.ListNode || len(argument.Items) != 2 {
		return iam.Node{}, false
	}
	first, second := &argument.Items[0], &argument.Items[1]
	switch name {
	case "Fn::Join":
		return r.join(first, second)
	case "Fn::Split":
		if !isText(first) || !isText(second) || first.Text == "" {
			return iam.Node{}, false
		}
		out := iam.Node{Kind: iam.ListNode}
		for _, part := range strings.Split(second.Text, first.Text) {
			out.Items = append(out.Items, text(part))
		}
		return out, true
	}
	index, err := strconv.Atoi(first.Text)
	if err != nil || second.Kind != iam.ListNode || index < 0 || index >= len(second.Items) {
		return iam.Node{}, false
	}
	return second.Items[index], true
}

func (r *resolver) join(separator, parts *iam.Node) (iam.Node, bool) {
	if !isText(separator) || parts.Kind != iam.ListNode {
		return iam.Node{}, false
	}
	var b strings.Builder
	for i := range parts.Items {
		if !isText(&parts.Items[i]) || strings.Contains(parts.Items[i].Text, "{{resolve:") || b.Len() > r.left {
			return iam.Node{}, false
		}
		if i > 0 {
			b.WriteString(separator.Text)
		}
		b.WriteString(parts.Items[i].Text)
	}
	return text(b.String()), true
}

// isText says whether a value is one that CloudFormation would put into a text.
func isText(n *iam.Node) bool {
	return n.Kind == iam.StringNode || n.Kind == iam.NumberNode || n.Kind == iam.BoolNode
}

func text(s string) iam.Node { return iam.Node{Text: s} }

func list(items ...iam.Node) iam.Node { return iam.Node{Kind: iam.ListNode, Items: items} }

func called(name string, argument iam.Node, pos iam.Position) iam.Node {
	return iam.Node{Kind: iam.ObjectNode, Pos: pos, Fields: []iam.Field{{Name: name, Pos: pos, Value: argument}}}
}
