package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the image of the controller may have none

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// calendar says when rollouts may begin.
type calendar struct {
	windows []window
	freezes []freeze
}

// window opens every week.
type window struct {
	days     [7]bool       // by time.Weekday
	from, to time.Duration // wall clock of the day; to is of the next where it is not after
	zone     *time.Location
	text     string
}

// freeze is one span of time.
type freeze struct {
	name string
	span
}

// span of time, without its end.
type span struct{ from, until time.Time }

func (s span) contains(t time.Time) bool { return !t.Before(s.from) && t.Before(s.until) }

var weekdays = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

func (c *compiler) calendar(windows []v1alpha1.Window, freezes []v1alpha1.Freeze) calendar {
	var all calendar
	for i, in := range windows {
		at := fmt.Sprintf("windows[%d]", i)
		w := window{zone: c.zone(at, in.TimeZone), text: fmt.Sprintf("%s %s-%s %s", strings.Join(in.Days, ","), in.From, in.To, in.TimeZone)}
		if len(in.Days) == 0 {
			c.fail(at+".days", "expected days, such as Mon")
		}
		for j, day := range in.Days {
			n := slices.Index(weekdays, day)
			if n < 0 {
				c.fail(fmt.Sprintf("%s.days[%d]", at, j), "expected one of Mon, Tue, Wed, Thu, Fri, Sat and Sun, found %q", day)
				continue
			}
			w.days[n] = true
		}
		w.from, w.to = c.clock(at+".from", in.From), c.clock(at+".to", in.To)
		switch {
		case in.From == "24:00":
			c.fail(at+".from", "24:00 is the end of a day; it begins at 00:00")
		case in.From == in.To:
			c.fail(at+".to", "the window is empty; a whole day is from 00:00 to 24:00")
		}
		all.windows = append(all.windows, w)
	}
	seen := map[string]bool{}
	for i, in := range freezes {
		at := fmt.Sprintf("freezes[%d]", i)
		zone := c.zone(at, in.TimeZone)
		f := freeze{name: in.Name, span: span{c.date(at+".from", in.From, zone), c.date(at+".until", in.Until, zone)}}
		switch {
		case strings.TrimSpace(in.Name) == "":
			c.fail(at+".name", "a freeze has a name that says why")
		case seen[in.Name]:
			c.fail(at+".name", "%q is there twice", in.Name)
		}
		seen[in.Name] = true
		if !f.until.After(f.from) && !f.until.IsZero() && !f.from.IsZero() {
			c.fail(at+".until", "%s is not after %s", in.Until, in.From)
		}
		all.freezes = append(all.freezes, f)
	}
	return all
}

func (c *compiler) zone(at, name string) *time.Location {
	if name == "" || name == "Local" {
		c.fail(at+".timeZone", "expected a time zone, such as Europe/Berlin or UTC")
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		c.fail(at+".timeZone", "there is no time zone %q; expected an IANA name, such as Europe/Berlin or UTC", name)
		return time.UTC
	}
	return zone
}

// clock reads a time of the day.
func (c *compiler) clock(field, text string) time.Duration {
	if text == "24:00" {
		return 24 * time.Hour
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		c.fail(field, "expected a time of the day, such as 09:00, found %q", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

const wallClock = "2006-01-02T15:04"

func (c *compiler) date(field, text string, zone *time.Location) time.Time {
	t, err := time.ParseInLocation(wallClock, text, zone)
	if err != nil {
		c.fail(field, "expected a day and time, such as 2026-12-18T18:00, found %q", text)
	}
	return t
}

// always tells whether the calendar never stops anything.
func (c calendar) always() bool { return len(c.windows) == 0 && len(c.freezes) == 0 }

// around are the spans in which the window is open, of those that begin from two days before
// the time to so many days after it. Where clocks are put forward over a whole window, that
// day has none.
func (w window) around(t time.Time, ahead int) []span {
	var spans []span
	year, month, day := t.In(w.zone).Date()
	for d := day - 2; d <= day+ahead; d++ {
		if !w.days[time.Date(year, month, d, 12, 0, 0, 0, w.zone).Weekday()] {
			continue
		}
		clock := func(d int, at time.Duration) time.Time {
			return time.Date(year, month, d, 0, int(at/time.Minute), 0, 0, w.zone)
		}
		s := span{clock(d, w.from), clock(d, w.to)}
		if w.to <= w.from {
			s.until = clock(d+1, w.to)
		}
		if s.until.After(s.from) {
			spans = append(spans, s)
		}
	}
	return spans
}

// open is the window that is open at a time, or nil.
func (c calendar) open(t time.Time) *window {
	for i, w := range c.windows {
		if slices.ContainsFunc(w.around(t, 0), func(s span) bool { return s.contains(t) }) {
			return &c.windows[i]
		}
	}
	return nil
}

// frozen are the freezes at a time.
func (c calendar) frozen(t time.Time) []freeze {
	var all []freeze
	for _, f := range c.freezes {
		if f.contains(t) {
			all = append(all, f)
		}
	}
	return all
}

func (c calendar) inWindow(t time.Time) bool { return len(c.windows) == 0 || c.open(t) != nil }
func (c calendar) unfrozen(t time.Time) bool { return len(c.frozen(t)) == 0 }
func (c calendar) free(t time.Time) bool     { return c.inWindow(t) && c.unfrozen(t) }

// changes is the first time after t at which the answer is another one than at
// t; zero when it stays.
func (c calendar) changes(t time.Time, is func(time.Time) bool) time.Time {
	anchors := []time.Time{t}
	for _, f := range c.freezes {
		anchors = append(anchors, f.from, f.until)
	}
	edges := slices.Clone(anchors[1:])
	for _, w := range c.windows {
		for _, a := range anchors {
			for _, s := range w.around(a, 15) {
				edges = append(edges, s.from, s.until)
			}
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	edges = slices.CompactFunc(edges, time.Time.Equal)
	now := is(t)
	for _, e := range edges {
		if e.After(t) && is(e) != now {
			return e
		}
	}
	return time.Time{}
}

// decideCalendar has a result for the windows and one for the freezes.
func (p *Policy) decideCalendar(e Evidence) []Result {
	c := p.calendar
	if c.always() {
		return nil
	}
	if e.Time.IsZero() {
		return []Result{{Rule: "windows", Verdict: Refused, Message: "it is not known what time it is"}}
	}
	var results []Result
	if len(c.windows) > 0 {
		r := Result{Rule: "windows"}
		if w := c.open(e.Time); w != nil {
			r.Verdict, r.Until = Passed, c.changes(e.Time, c.inWindow)
			r.Message = "open: " + w.text
		} else if r.Verdict = Waiting; c.unfrozen(e.Time) {
			r.Until = c.changes(e.Time, c.free)
			r.Message = "closed; opens " + c.say(r.Until)
		} else {
			r.Until = c.changes(e.Time, c.free)
			r.Message = "closed; opens, after the freeze, " + c.say(r.Until)
		}
		results = append(results, r)
	}
	if len(c.freezes) > 0 {
		r := Result{Rule: "freezes", Verdict: Passed, Message: "there is none", Until: c.changes(e.Time, c.unfrozen)}
		if frozen := c.frozen(e.Time); len(frozen) > 0 {
			var reasons []string
			for _, f := range frozen {
				reasons = append(reasons, f.name)
			}
			r.Verdict = Waiting
			r.Message = fmt.Sprintf("frozen (%s) until %s", strings.Join(reasons, ", "), c.say(r.Until))
		}
		results = append(results, r)
	}
	return results
}

// say writes a time as the first window or freeze counts it.
func (c calendar) say(t time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case len(c.windows) > 0:
		t = t.In(c.windows[0].zone)
	default:
		t = t.In(c.freezes[0].from.Location())
	}
	return t.Format("Mon 2006-01-02 15:04 MST")
}
