package ui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// columns is how many columns a terminal needs for text without control characters: none for an accent, two for 漢.
func columns(text string) int {
	if isASCII(text) {
		return len(text)
	}
	return ansi.StringWidth(text)
}

// cut shortens text to so many columns.
func cut(text string, room int) string {
	if columns(text) <= room {
		return text
	}
	if room <= 0 {
		return ""
	}
	if isASCII(text) {
		return text[:room-1] + "…"
	}
	return ansi.Truncate(text, room, "…")
}

// padded is text in exactly so many columns.
func padded(text string, room int) string {
	text = cut(text, room)
	if missing := room - columns(text); missing > 0 {
		return text + strings.Repeat(" ", missing)
	}
	return text
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// lastLine is the last line of text that says something, made harmless. Of a line that a program wrote over itself, as
// progress bars do, it is what was written last.
func lastLine(text string) string {
	const enough = 4096
	if len(text) > enough {
		text = strings.ToValidUTF8(text[len(text)-enough:], "")
	}
	text = strings.TrimRight(text, "\r\n\t ")
	text = text[strings.LastIndexAny(text, "\r\n")+1:]
	return strings.ReplaceAll(clean(strings.TrimLeft(text, "\t ")), "\t", " ")
}
