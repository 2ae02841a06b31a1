package ui

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// color is an ANSI SGR code.
type color string

const (
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	bold   color = "1"
	faint  color = "2"
)

// paint colours text, where colour is wanted.
func (u *UI) paint(c color, text string) string {
	if !u.o.Color || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// clean makes text from elsewhere harmless for a terminal: colours go, and other control characters, which could move
// the cursor or change the order of what is read, become visible. Line breaks and tabs stay.
func clean(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if strings.Contains(text, "\x1b[") {
		text = colours.ReplaceAllString(text, "")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == zeroWidthJoiner, r == zeroWidthNonJoiner:
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return '�'
		}
		return r
	}, text)
}

// colours are the sequences that change nothing but how text looks.
var colours = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// The two format characters that words and signs are written with; the others, such as those that turn the direction of
// reading, are for deceiving.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// indent puts prefix before every line of text. Output of nodes is drawn so; no line of it can then be taken for a
// workflow command of GitHub's.
func indent(prefix, text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(prefix)
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// columnGap separates the columns of a table.
const columnGap = 2

// Table writes rows under a header, in aligned columns, to stdout. A cell's line breaks become spaces; where the width
// of the terminal is known the last column is cut to fit.
func (u *UI) Table(header []string, rows [][]string) {
	u.write(u.out, u.table(header, rows, nil))
}

// table draws a table. paint, when there is one, colours a cell after its width was counted.
func (u *UI) table(header []string, rows [][]string, paint func(column int, cell string) string) string {
	widths := widthsOf(header, rows)
	if kept := u.kept(header, widths); len(kept) < len(header) {
		all := paint
		if paint != nil {
			paint = func(column int, cell string) string { return all(kept[column], cell) }
		}
		picked := make([][]string, len(rows))
		for i, row := range rows {
			picked[i] = pick(row, kept)
		}
		header, rows = pick(header, kept), picked
		widths = widthsOf(header, rows)
	}
	var b strings.Builder
	b.WriteString(u.row(header, widths, func(_ int, cell string) string { return u.paint(bold, cell) }))
	for _, row := range rows {
		b.WriteString(u.row(row, widths, paint))
	}
	return b.String()
}

// widthsOf are the columns that each cell of a table needs.
func widthsOf(header []string, rows [][]string) []int {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for c := range min(len(row), len(widths)) {
			widths[c] = max(widths[c], columns(oneLine(row[c])))
		}
	}
	return widths
}

// spare are the columns that go where a terminal is too narrow for all, what a person needs least first. JSON has them.
var spare = []string{"COMMAND", "COMMIT", "INSTANCE", "TOOK", "BEGAN (UTC)", "SENT (UTC)", "SINCE (UTC)", "LAST DEPLOY", "STATUS"}

// kept are the columns of a table for which there is room. The last one may be cut.
func (u *UI) kept(header []string, widths []int) []int {
	kept := make([]int, len(header))
	for c := range kept {
		kept[c] = c
	}
	for _, name := range spare {
		needed := -columnGap
		for i, c := range kept {
			width := widths[c]
			if i == len(kept)-1 && header[c] != "COMMAND" && width > leastLast { // half of an id is of no use
				width = leastLast
			}
			needed += width + columnGap
		}
		if u.o.Width == 0 || needed <= u.o.Width {
			return kept
		}
		kept = slices.DeleteFunc(kept, func(c int) bool { return header[c] == name && len(kept) > 1 })
	}
	return kept
}

// pick are some cells of a row.
func pick(row []string, kept []int) []string {
	var cells []string
	for _, c := range kept {
		if c < len(row) {
			cells = append(cells, row[c])
		}
	}
	return cells
}

// row draws one row; cells beyond the header are left out.
func (u *UI) row(cells []string, widths []int, paint func(column int, cell string) string) string {
	var b strings.Builder
	used := 0
	for c := range min(len(cells), len(widths)) {
		cell := oneLine(cells[c])
		last := c == min(len(cells), len(widths))-1
		if last {
			cell = u.fit(cell, used)
		}
		pad := widths[c] - columns(cell) + columnGap
		if paint != nil {
			cell = paint(c, cell)
		}
		b.WriteString(cell)
		if !last {
			b.WriteString(strings.Repeat(" ", pad))
		}
		used += widths[c] + columnGap
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// leastLast is the room below which nothing would be left to read of a last column that is cut.
const leastLast = 20

// fit cuts the last cell of a row to what is left of the terminal's width.
func (u *UI) fit(cell string, used int) string {
	room := u.o.Width - used
	if u.o.Width == 0 || room < leastLast {
		return cell
	}
	return cut(cell, room)
}

func oneLine(cell string) string { return strings.ReplaceAll(clean(cell), "\n", " ") }
