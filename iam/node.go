package iam

// NodeKind says what a [Node] is.
type NodeKind uint8

// The kinds of node: JSON's, which are also those of YAML's JSON schema.
const (
	StringNode NodeKind = iota
	NumberNode
	BoolNode
	NullNode
	ListNode
	ObjectNode
)

var nodeNames = [...]string{"a string", "a number", "a boolean", "null", "a list", "an object"}

// String names the kind with its article, for messages: "a string", "an object".
func (k NodeKind) String() string {
	if int(k) < len(nodeNames) {
		return nodeNames[k]
	}
	return "an unknown kind of value"
}

// Node is a value of a policy's source, with its place. The readers of JSON and of YAML make the same nodes and
// one parser ([FromNode]) reads them; one function ([Document.Node]) makes the nodes that both printers print.
// So the two notations cannot come to mean different things.
type Node struct {
	Kind   NodeKind
	Pos    Position // where the value begins; zero when it is not known
	Text   string   // of a string, decoded; of a number as it is written in JSON; of a boolean, true or false
	Items  []Node   // of a list
	Fields []Field  // of an object, in the order of the source, duplicates included
}

// Field is one key of an object, with its value.
type Field struct {
	Name  string
	Pos   Position // where the key begins
	Value Node
}

// Field is the value of a key of an object, the first of them where the object has the key twice; nil where there is none, or n is
// nil or no object.
func (n *Node) Field(name string) *Node {
	if n == nil || n.Kind != ObjectNode {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Name == name {
			return &n.Fields[i].Value
		}
	}
	return nil
}

// count and at go over the items of a list. Every other value is taken for a list of one: the policy language
// makes no difference between them.
func (n *Node) count() int {
	if n.Kind == ListNode {
		return len(n.Items)
	}
	return 1
}

func (n *Node) at(i int) *Node {
	if n.Kind == ListNode {
		return &n.Items[i]
	}
	return n
}

// smallObject is the number of fields up to which comparing each with each is faster than a map.
const smallObject = 12

// hasDuplicate says whether two fields have one name.
func hasDuplicate(fields []Field) bool {
	if len(fields) > smallObject {
		seen := make(map[string]struct{}, len(fields))
		for i := range fields {
			seen[fields[i].Name] = struct{}{}
		}
		return len(seen) < len(fields)
	}
	for i := range fields {
		for j := range i {
			if fields[j].Name == fields[i].Name {
				return true
			}
		}
	}
	return false
}
