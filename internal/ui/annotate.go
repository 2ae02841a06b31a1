package ui

import "strconv"

// Annotation is something found at a place of the repository. GitHub shows it there, in a pull request.
type Annotation struct {
	// Warning is true where it does not fail the job.
	Warning bool
	// Notice is true where it is only worth a look.
	Notice bool
	// File is relative to the release file's folder.
	File         string
	Line, Column int
	Title        string
	Message      string
}

// Annotate tells GitHub what was found; elsewhere it does nothing.
func (u *UI) Annotate(a Annotation) {
	if u.o.GitHub == nil {
		return
	}
	name := "error"
	switch {
	case a.Notice:
		name = "notice"
	case a.Warning:
		name = "warning"
	}
	file := a.File
	if folder := u.o.GitHub.Folder; folder != "" {
		file = folder + "/" + file
	}
	u.command(name, []property{
		{"file", file}, {"line", strconv.Itoa(a.Line)}, {"col", strconv.Itoa(a.Column)}, {"title", a.Title},
	}, a.Message)
}

// Summarize adds Markdown to the job's page on GitHub; elsewhere it does nothing.
func (u *UI) Summarize(markdown string) {
	if u.o.GitHub != nil {
		u.file(u.o.GitHub.Summary, markdown)
	}
}
