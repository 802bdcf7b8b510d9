package cdk

import (
	"fmt"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

// AppError is an app that did not synthesize.
type AppError struct {
	// Command of cdk.json and Path of the app's folder.
	Command, Path string
	Exit          *contain.ExitError
	// Output is the end of what it printed, without what its names tell to be secret.
	Output string
}

// Error shows the app's own words, which name the file and the line.
func (e *AppError) Error() string {
	return fmt.Sprintf("%s: the app (%s) does not synthesize: %v:\n%s", e.Path, e.Command, e.Exit, indent(e.Output))
}

func (e *AppError) Unwrap() error { return e.Exit }

// indent sets off the last lines of an output.
func indent(output string) string {
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	const enough = 25
	if len(lines) > enough {
		lines = lines[len(lines)-enough:]
	}
	return "    " + strings.Join(lines, "\n    ")
}
