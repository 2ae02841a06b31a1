package iam

import (
	"fmt"
	"strconv"
	"time"
)

type dateComparer struct {
	want    time.Time
	accepts order
}

func dateOperator(accepts order) func(string, bool) (comparer, error) {
	return func(value string, _ bool) (comparer, error) {
		t, ok := parseDate(value)
		if !ok {
			return nil, fmt.Errorf("%q is neither a date nor a number of seconds", value)
		}
		return &dateComparer{t, accepts}, nil
	}
}

func (d *dateComparer) compare(value string, _ Context) (bool, bool) {
	got, ok := parseDate(value)
	return ok && d.accepts.accepts(got.Compare(d.want)), ok
}

// parseDate reads the forms of ISO 8601 that https://www.w3.org/TR/NOTE-datetime lists, and seconds since 1970.
// Four digits are a year.
func parseDate(s string) (time.Time, bool) {
	if isDigits(s) && len(s) != len("2006") {
		seconds, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0), err == nil
	}
	var layout string
	switch {
	case len(s) == len("2006"):
		layout = "2006"
	case len(s) == len("2006-01"):
		layout = "2006-01"
	case len(s) == len("2006-01-02"):
		layout = "2006-01-02"
	case len(s) > len("2006-01-02T15:04:") && s[16] == ':':
		layout = time.RFC3339Nano // the fraction is optional
	default:
		layout = "2006-01-02T15:04Z07:00"
	}
	t, err := time.Parse(layout, s)
	return t, err == nil
}
