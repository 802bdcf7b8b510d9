package rollout

import (
	"io"

	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// maxLine is the greatest length of a line of a log, in bytes.
const maxLine = 4096

// say puts a line into the component's log.
func (p *prepared) say(component, line string) {
	if p.Log != nil {
		p.Log(component, line)
	}
}

// printed takes what a program of the component prints into its log, a line at a
// time and without the secrets. Close it.
func (p *prepared) printed(component string, secrets ...string) io.WriteCloser {
	return secret.NewMask(secrets...).Lines(maxLine, func(line string) { p.say(component, line) })
}
