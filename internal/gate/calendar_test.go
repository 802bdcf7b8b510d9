package gate

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCalendar(t *testing.T) {
	t.Parallel()
	const berlin = "timeZone: Europe/Berlin"
	week := "windows: [{days: [Mon, Tue, Wed, Thu, Fri], from: '09:00', to: '16:00', " + berlin + "}]"
	night := "windows: [{days: [Fri], from: '22:00', to: '04:00', " + berlin + "}]"
	for _, tt := range []struct{ policy, at, want string }{
		{week, "2026-11-25T08:59", "windows waiting until 2026-11-25T09:00"},
		{week, "2026-11-25T09:00", "windows passed until 2026-11-25T16:00"},
		{week, "2026-11-25T15:59", "windows passed until 2026-11-25T16:00"},
		{week, "2026-11-25T16:00", "windows waiting until 2026-11-26T09:00"},
		{week, "2026-11-27T16:00", "windows waiting until 2026-11-30T09:00"},
		// Over midnight, the day is the one on which it opens.
		{night, "2026-11-27T21:59", "windows waiting until 2026-11-27T22:00"},
		{night, "2026-11-28T03:59", "windows passed until 2026-11-28T04:00"},
		{night, "2026-11-27T03:00", "windows waiting until 2026-11-27T22:00"},
		// Clocks are put back and forward; the wall clock counts.
		{week, "2026-10-23T16:30", "windows waiting until 2026-10-26T09:00"},
		{week, "2027-03-26T16:30", "windows waiting until 2027-03-29T09:00"},
		{"windows: [{days: [Sun], from: '00:00', to: '24:00', " + berlin + "}]", "2026-10-25T12:00", "windows passed until 2026-10-26T00:00"},
		{"windows: [{days: [Sun], from: '02:10', to: '02:50', " + berlin + "}]", "2027-03-27T12:00", "windows waiting until 2027-03-28T03:10"},
		// Two that meet are one; any will do.
		{"windows: [{days: [Mon], from: '09:00', to: '12:00', " + berlin + "}, {days: [Mon], from: '12:00', to: '13:00', " + berlin + "}]", "2026-11-30T10:00", "windows passed until 2026-11-30T13:00"},
		{"windows: [{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], from: '00:00', to: '24:00', " + berlin + "}]", "2026-11-30T10:00", "windows passed"},
		{"windows: [{days: [Wed], from: '20:00', to: '21:00', timeZone: America/New_York}]", "2026-11-26T02:30", "windows passed until 2026-11-26T03:00"},
		// Freezes, alone and over windows.
		{"freezes: [{name: a, from: '2026-12-18T18:00', until: '2027-01-04T08:00', " + berlin + "}]", "2026-12-18T17:59", "freezes passed until 2026-12-18T18:00"},
		{"freezes: [{name: a, from: '2026-12-18T18:00', until: '2027-01-04T08:00', " + berlin + "}]", "2026-12-18T18:00", "freezes waiting until 2027-01-04T08:00"},
		{"freezes: [{name: a, from: '2026-12-18T18:00', until: '2027-01-04T08:00', " + berlin + "}]", "2027-01-04T08:00", "freezes passed"},
		{"freezes: [{name: a, from: '2026-12-18T18:00', until: '2026-12-24T08:00', " + berlin + "}, {name: b, from: '2026-12-24T00:00', until: '2026-12-27T00:00', " + berlin + "}]", "2026-12-20T00:00", "freezes waiting until 2026-12-27T00:00"},
		{week + "\nfreezes: [{name: a, from: '2026-11-24T00:00', until: '2026-12-11T18:00', " + berlin + "}]", "2026-11-25T20:00", "windows waiting until 2026-12-14T09:00, freezes waiting until 2026-12-11T18:00"},
		{week + "\nfreezes: [{name: a, from: '2026-11-24T00:00', until: '2026-12-11T10:00', " + berlin + "}]", "2026-11-25T20:00", "windows waiting until 2026-12-11T10:00, freezes waiting until 2026-12-11T10:00"},
	} {
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.ParseInLocation(wallClock, tt.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for i, r := range compiled(t, tt.policy).decideCalendar(Evidence{Time: at}) {
			if i > 0 {
				got += ", "
			}
			got += fmt.Sprintf("%s %s", r.Rule, r.Verdict)
			if !r.Until.IsZero() {
				got += " until " + r.Until.In(zone).Format(wallClock)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s at %s: %s", tt.policy, tt.at, diff)
		}
	}
}

// Until the time that is told, nothing changes by the clock.
func TestNothingChangesUntil(t *testing.T) {
	t.Parallel()
	days := rapid.SampledFrom([]string{"[Mon]", "[Tue, Wed]", "[Sat, Sun]", "[Mon, Tue, Wed, Thu, Fri]"})
	zones := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"})
	rapid.Check(t, func(t *rapid.T) {
		clock := func(name string) string {
			return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, name), rapid.IntRange(0, 59).Draw(t, name))
		}
		policy := "windows:\n"
		for range rapid.IntRange(1, 3).Draw(t, "windows") {
			from, to := clock("from"), clock("to")
			if from == to {
				to = "24:00"
			}
			policy += fmt.Sprintf("- {days: %s, from: '%s', to: '%s', timeZone: %s}\n", days.Draw(t, "days"), from, to, zones.Draw(t, "zone"))
		}
		policy += "freezes:\n- {name: a, from: '2026-10-26T12:00', until: '2026-10-29T07:30', timeZone: Europe/Berlin}\n"
		p, err := Compile(gateOf(t, policy))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 10, 20, 0, rapid.IntRange(0, 14*24*60).Draw(t, "at"), 0, 0, time.UTC)
		free := func(at time.Time) bool { return Decide(p, Evidence{Time: at}).Verdict == Passed }
		d := Decide(p, Evidence{Time: at})
		if d.Until.IsZero() || !d.Until.After(at) {
			t.Fatalf("%s at %s: until %s", policy, at, d.Until)
		}
		between := func(i int) time.Time { return at.Add(time.Duration(i) * time.Minute) }
		last := int(d.Until.Sub(at) / time.Minute)
		looked := rapid.SliceOfN(rapid.IntRange(0, last-1), 0, 30).Draw(t, "looked")
		for _, i := range append(looked, last-1) {
			if free(between(i)) != free(at) {
				t.Fatalf("%s at %s: told %s, and the answer changes by %s", policy, at, d.Until, between(i))
			}
		}
	})
}
