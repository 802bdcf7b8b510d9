package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// figure is one thing measured.
type figure struct {
	Name     string        `json:"name"`
	Duration time.Duration `json:"nanoseconds,omitempty"`
	// Value is a figure that is no duration.
	Value string `json:"value,omitempty"`
	// Aim in words; empty for what is only shown. Ratio is what was measured by
	// what is aimed at: at most 1 is good.
	Aim      string   `json:"aim,omitempty"`
	Ratio    float64  `json:"ratio,omitempty"`
	Met      bool     `json:"met,omitempty"`
	Requests requests `json:"requests,omitempty"`
	Note     string   `json:"note,omitempty"`
}

// within sets the aim of a duration.
func (f *figure) within(limit time.Duration, words string) {
	f.Aim, f.Ratio, f.Met = words, f.Duration.Seconds()/limit.Seconds(), f.Duration <= limit
}

// under is within, in words that need no explanation.
func (f *figure) under(limit time.Duration) { f.within(limit, "< "+limit.String()) }

// report collects what was measured, and on what.
type report struct {
	At         time.Time `json:"at"`
	CPU        string    `json:"cpu"`
	CPUs       int       `json:"cpus"`
	Go         string    `json:"go"`
	LoadBefore string    `json:"loadBefore"`
	Took       string    `json:"took"`
	Components int       `json:"components"`
	Figures    []*figure `json:"figures"`
}

func newReport(components int) *report {
	return &report{
		At: time.Now().UTC().Truncate(time.Second), CPU: cpuName(), CPUs: runtime.NumCPU(), Go: runtime.Version(),
		LoadBefore: load(), Components: components,
	}
}

func (r *report) end() { r.Took = time.Since(r.At).Round(time.Second).String() }

// add returns the figure, to set its aim. It is also said at once, since the
// whole takes minutes.
func (r *report) add(f figure) *figure {
	r.Figures = append(r.Figures, &f)
	fmt.Fprintf(os.Stderr, "%s: %s\n", f.Name, f.measured())
	return &f
}

func (f *figure) measured() string {
	switch {
	case f.Value != "":
		return f.Value
	case f.Duration < time.Second:
		return f.Duration.Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%.2fs", f.Duration.Seconds())
}

func (r *report) print(w io.Writer, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fmt.Fprintf(w, "%s, %d × %s, %s, load before %s; %d components of 4 objects; took %s\n\n",
		r.At.Format(time.DateTime), r.CPUs, r.CPU, r.Go, r.LoadBefore, r.Components, r.Took)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHAT\tMEASURED\tAIM\tOF AIM\t")
	for _, f := range r.Figures {
		ratio, met := "", ""
		if f.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", f.Ratio)
		}
		if f.Aim != "" {
			met = map[bool]string{true: "met", false: "NOT MET"}[f.Met]
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", f.Name, f.measured(), f.Aim, ratio, met)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, f := range r.Figures {
		if f.Note == "" && len(f.Requests) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", f.Name)
		if f.Note != "" {
			fmt.Fprintf(w, "  %s\n", f.Note)
		}
		if len(f.Requests) > 0 {
			fmt.Fprintf(w, "  requests: %s\n", f.Requests)
		}
	}
	return nil
}

// cpuName as Linux tells it.
func cpuName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// load of the machine: processes that wanted to run, on average, in the last one,
// five and fifteen minutes.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(b))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
