package pipelines

import (
	"regexp"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
)

var (
	// keyInput is an input of an action, or a variable, that takes an access key's id.
	keyInput = regexp.MustCompile(`(?i)^aws[-_]?(access[-_]?key([-_]?id)?|key[-_]?id)$`)
	// secretInput is one that takes the secret of an access key.
	secretInput = regexp.MustCompile(`(?i)^aws[-_]?secret([-_]?access)?[-_]?key$`)
	// tokenInput is one that takes a session's token: what comes with it ends by itself.
	tokenInput = regexp.MustCompile(`(?i)^aws[-_]?session[-_]?token$`)
	// writtenKey is the id of a long-lived access key (IAM identifiers). AWS's own examples end with EXAMPLE.
	writtenKey = regexp.MustCompile(`\bAKIA[A-Z2-7]{16}\b`)
)

// ofSteps finds what steps and their environments have that they should not.
func (c *checker) ofSteps(w *workflow) {
	c.keys(w.scope, w.get("env"), "the workflow")
	c.forAll(w.get("env"), "every step of every job")
	w.every(func(j *job) {
		name := "job " + j.id
		c.keys(j.scope, j.get("env"), name)
		c.forAll(j.get("env"), "every step of "+name)
		c.handedOn(j)
		c.again(j)
		all(j.steps, func(s *step) {
			c.keys(s.scope, s.get("env"), "a step")
			c.keys(s.scope, s.get("with"), "a step")
			c.written(s.get("run"))
			c.injected(s)
			c.template(s)
		})
	})
	c.stages(w)
}

// keys finds access keys of a user in an environment or in the inputs of an action (W9a, R33, R89).
func (c *checker) keys(s *scope, list node, who string) {
	temporary := false
	list.each(func(key, value node) {
		temporary = temporary || tokenInput.MatchString(key.Value) && value.text() != ""
	})
	list.each(func(key, value node) {
		c.written(value)
		if temporary || !keyInput.MatchString(key.Value) || s.elsewhere(list) {
			return
		}
		if names := s.secretsIn(value.text(), maxCalls); len(names) > 0 {
			c.add(&staticKeysRule, key.place(), "",
				"%s enters AWS with an access key that lasts until somebody deletes it, from secret %s", who, strings.Join(names, ", "))
		}
	})
}

// elsewhere says whether keys are for something that only speaks as AWS does: a store of another maker, a local one.
func (s *scope) elsewhere(list node) bool {
	found := false
	list.each(func(key, value node) {
		name := strings.ToLower(strings.ReplaceAll(key.Value, "-", "_"))
		found = found || strings.Contains(name, "endpoint") && value.text() != ""
	})
	for _, e := range s.env {
		e.each(func(key, value node) {
			found = found || strings.HasPrefix(key.Value, "AWS_ENDPOINT_URL") && value.text() != ""
		})
	}
	return found
}

// written finds an access key in a value of the file itself.
func (c *checker) written(value node) {
	text := value.text()
	for _, at := range keysIn(text) {
		line, column := value.scalar().place(at)
		c.put(keyIn(value.source.name, line, column, text[at:]))
	}
}

// Keys finds access keys in a file of another kind than a pipeline's.
func Keys(file string, content []byte) (found []finding.Finding) {
	text := string(content)
	for _, at := range keysIn(text) {
		line, column := 1+strings.Count(text[:at], "\n"), at-strings.LastIndexByte(text[:at], '\n')
		found = append(found, keyIn(file, line, column, text[at:]))
	}
	return found
}

// mostKeys bounds what is told of one file.
const mostKeys = 100

// keysIn are the places of access keys in a text.
func keysIn(text string) (places []int) {
	if !strings.Contains(text, "AKIA") {
		return nil
	}
	for _, at := range writtenKey.FindAllStringIndex(text, mostKeys) {
		if !strings.HasSuffix(text[at[0]:at[1]], "EXAMPLE") {
			places = append(places, at[0])
		}
	}
	return places
}

func keyIn(file string, line, column int, key string) finding.Finding {
	return keyInFileRule.At(file, line, column, "", "an access key, %s…, is in the file", key[:8])
}

// forAll finds the secret of a key in an environment that more than one step has (R91).
func (c *checker) forAll(env node, who string) {
	env.each(func(key, value node) {
		if secretInput.MatchString(key.Value) && strings.Contains(value.text(), "${{") {
			c.add(&keysForAllRule, key.place(), "", "%s has the keys, those of actions by others among them", who)
		}
	})
}

// credentials are the outputs of configure-aws-credentials with output-credentials: true.
var credentials = regexp.MustCompile(`(?i)steps\.[A-Za-z0-9_-]+\.outputs\.aws-(secret-access-key|session-token)`)

// handedOn finds credentials that a job hands to another by its outputs (R91).
func (c *checker) handedOn(j *job) {
	j.get("outputs").each(func(key, value node) {
		if credentials.MatchString(value.text()) {
			c.add(&keysForAllRule, key.place(), "let each job assume the role that it needs",
				"job %s hands its credentials to other jobs in output %s; GitHub leaves out what it knows to be secret", j.id, key.Value)
		}
	})
}

// again finds a second role in a job whose step may be left out or fail: what follows has the first role's credentials
// then (R91).
func (c *checker) again(j *job) {
	first := ""
	for _, s := range j.steps {
		role := s.input("role-to-assume").text()
		if s.uses != configure || role == "" {
			continue
		}
		if first != "" && first != role && s.input("role-chaining").text() != "true" {
			why := ""
			switch {
			case s.get("continue-on-error").yes():
				why = "may fail without ending the job"
			case s.when() == "perhaps":
				why = "may be left out"
			}
			if why != "" {
				c.add(&keysForAllRule, s.place(), "a job a role", "job %s has one role's credentials already, and this step, which takes another's, %s: what comes after it has the first role's then", j.id, why)
			}
		}
		first = role
	}
}
