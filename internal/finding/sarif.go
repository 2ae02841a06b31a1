package finding

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Docs is where the rules are described.
const Docs = "https://github.com/slipway-cd/slipway/blob/main/docs/findings.md"

// The parts of SARIF 2.1.0 that are written
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Version        string      `json:"version,omitempty"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		Name             string    `json:"name"`
		ShortDescription sarifText `json:"shortDescription"`
		FullDescription  sarifText `json:"fullDescription"`
		HelpURI          string    `json:"helpUri"`
		Help             sarifText `json:"help"`
		Default          struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
		Properties struct {
			Tags []string `json:"tags,omitempty"`
		} `json:"properties"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Fixes        []sarifFix         `json:"fixes,omitempty"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifLocation struct {
		Physical struct {
			Artifact sarifArtifact `json:"artifactLocation"`
			Region   sarifRegion   `json:"region"`
		} `json:"physicalLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted *sarifText  `json:"insertedContent,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

// Report is what a run of the linters came to.
type Report struct {
	Findings []Finding `json:"findings"`
	// Ignored are what comments say is meant to be so.
	Ignored []Ignored `json:"ignored,omitempty"`
}

// SARIF writes a report for code scanning. rules are those that were looked for, version is slipway's, and content gives
// the text of a file.
func SARIF(r Report, rules []Rule, version string, content func(file string) []byte) ([]byte, error) {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "slipway", InformationURI: "https://github.com/slipway-cd/slipway", Version: version}
	for i := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(&rules[i]))
	}
	all := slices.Clone(r.Findings)
	for _, ig := range r.Ignored {
		all = append(all, ig.Finding)
	}
	for i, print := range Fingerprints(all, content) {
		result := sarifResultOf(&all[i], print, content(all[i].File))
		result.RuleIndex = slices.IndexFunc(rules, func(rule Rule) bool { return rule.Code == all[i].Code })
		if result.RuleIndex < 0 {
			return nil, fmt.Errorf("finding of %s, which is no rule", all[i].Code)
		}
		if i >= len(r.Findings) {
			result.Suppressions = []sarifSuppression{{Kind: "inSource", Justification: r.Ignored[i-len(r.Findings)].Reason}}
		}
		run.Results = append(run.Results, result)
	}
	text, err := json.MarshalIndent(sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	}, "", "  ")
	return append(text, '\n'), err
}

func sarifRuleOf(r *Rule) sarifRule {
	rule := sarifRule{
		ID: string(r.Code), Name: r.Name, ShortDescription: sarifText{r.Title}, FullDescription: sarifText{r.Title + " " + r.Why},
		HelpURI: Docs + "#" + strings.ToLower(string(r.Code)), Help: sarifText{r.Why + " Mend it: " + r.Fix + ". " + r.Source},
	}
	rule.Default.Level = r.Severity.sarif()
	rule.Properties.Tags = r.Requirements
	return rule
}

// sarif is the level of a severity.
func (s Severity) sarif() string {
	if s == Info {
		return "note"
	}
	return string(s)
}

func sarifResultOf(f *Finding, print string, content []byte) sarifResult {
	lines := strings.Split(string(content), "\n")
	result := sarifResult{
		RuleID: string(f.Code), Level: f.Severity.sarif(), Message: sarifText{f.Message + ". Fix: " + f.Fix},
		Locations: make([]sarifLocation, 1), Fingerprints: map[string]string{"slipway/v1": print},
	}
	at := &result.Locations[0].Physical
	at.Artifact.URI, at.Region = uri(f.File), sarifRegion{StartLine: f.Line, StartColumn: codePoints(lines, f.Line, f.Column)}
	if len(f.Edits) == 0 {
		return result
	}
	change := sarifChange{Artifact: at.Artifact}
	for _, e := range f.Edits {
		change.Replacements = append(change.Replacements, sarifReplacement{
			Deleted: sarifRegion{
				StartLine: e.Line, StartColumn: codePoints(lines, e.Line, e.Column),
				EndLine: e.EndLine, EndColumn: codePoints(lines, e.EndLine, e.EndColumn),
			},
			Inserted: &sarifText{e.Text},
		})
	}
	result.Fixes = []sarifFix{{Description: sarifText{f.Fix}, Changes: []sarifChange{change}}}
	return result
}

// codePoints turns a column in bytes into one in characters.
func codePoints(lines []string, line, column int) int {
	if line < 1 || line > len(lines) || column-1 > len(lines[line-1]) {
		return column
	}
	return len([]rune(lines[line-1][:column-1])) + 1
}

// uri is a relative path as SARIF has it.
func uri(file string) string { return (&url.URL{Path: file}).EscapedPath() }
