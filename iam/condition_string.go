package iam

// stringOperator makes the String* operators; in their values policy variables may be used.
func stringOperator(how syntax) func(string, bool) (comparer, error) {
	return func(value string, variables bool) (comparer, error) {
		how := how
		how.variables = variables
		g, err := compileGlob(value, how)
		return (*stringComparer)(&g), err
	}
}

type stringComparer glob

func (s *stringComparer) compare(value string, c Context) (bool, bool) {
	return (*glob)(s).match(value, c), true
}
