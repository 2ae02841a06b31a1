package ui

import (
	"slices"
	"strings"
)

// Sequences that the live table uses; every terminal since the VT100 knows them, but for the synchronised update, which
// those that do not know it ignore.
const (
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
	noWrap      = "\x1b[?7l"
	wrap        = "\x1b[?7h"
	beginFrame  = "\x1b[?2026h"
	endFrame    = "\x1b[?2026l"
	clearToEnd  = "\x1b[K"
	clearBelow  = "\x1b[J"
	lineUp      = "\x1b[A"
	startOfLine = "\r"
)

// screen is the part of the terminal that is drawn over again: its last lines. It makes texts; others write them.
type screen struct {
	// reflows is true of terminals that break long lines anew when they become narrower.
	reflows bool
	// widths are the columns of the lines that are drawn now. The cursor is at the start of the last one.
	widths  []int
	columns int // of the terminal when they were drawn
	drawn   []string
	hidden  bool
	// cursor stays visible once it is true: the program may end at any moment.
	cursor bool
}

// frame makes the sequence that shows permanent above the live lines, which take the place of those before. It is meant
// to be written at once. Lines are at most so many columns wide. It is empty where nothing changed.
func (s *screen) frame(permanent string, lines []string, columnsNow int) string {
	if permanent == "" && columnsNow == s.columns && len(s.widths) > 0 && slices.Equal(lines, s.drawn) {
		return ""
	}
	s.drawn = lines
	var b strings.Builder
	b.WriteString(beginFrame)
	if !s.hidden && !s.cursor {
		b.WriteString(hideCursor)
		s.hidden = true
	}
	s.up(&b, columnsNow)
	if permanent != "" {
		b.WriteString(clearBelow)
		b.WriteString(permanent) // whole lines; long ones are broken, none is lost
	}
	b.WriteString(noWrap) // however wide the terminal thinks that something is: a line stays a line
	s.widths, s.columns = s.widths[:0], columnsNow
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(line)
		width := columns(plainText(line))
		s.widths = append(s.widths, width)
		if width < columnsNow { // the cursor would still be on the last column, and take it away
			b.WriteString(clearToEnd)
		}
	}
	b.WriteString(clearBelow)
	b.WriteString(wrap)
	b.WriteString(startOfLine)
	b.WriteString(endFrame)
	return b.String()
}

// erase takes the live lines away; the cursor is where they began.
func (s *screen) erase(columnsNow int) string {
	var b strings.Builder
	if len(s.widths) > 0 {
		s.up(&b, columnsNow)
		b.WriteString(clearBelow)
		s.widths = s.widths[:0]
	}
	return b.String()
}

// end is erase, and the terminal as it was before.
func (s *screen) end(columnsNow int) string {
	text := s.erase(columnsNow)
	if s.hidden {
		s.hidden = false
		text += showCursor
	}
	return text
}

// up moves the cursor to the start of the first live line.
func (s *screen) up(b *strings.Builder, columnsNow int) {
	b.WriteString(startOfLine)
	for i := 0; i < len(s.widths)-1; i++ {
		rows := 1
		if s.reflows && columnsNow > 0 && columnsNow < s.columns {
			rows = max(1, (s.widths[i]+columnsNow-1)/columnsNow)
		}
		for range rows {
			b.WriteString(lineUp)
		}
	}
}

// plainText is text without the colours that this package gives it.
func plainText(text string) string {
	if !strings.Contains(text, "\x1b[") {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, text, _ = strings.Cut(after, "m")
	}
}
