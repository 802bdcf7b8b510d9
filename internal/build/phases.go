package build

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/build/session"
)

// phases runs them in order and tells whether post_build was reached, or would
// have been. An error means that the shell is gone.
func (b *build) phases() (reached bool, err error) {
	for i, p := range b.Spec.Phases {
		failed := b.failure
		b.failure = nil
		err := b.phase(p, &b.result.Phases[i])
		thisFailed := b.failure != nil
		if failed != nil {
			b.failure = failed
		}
		switch {
		case err != nil:
			b.result.Phases[i].Outcome, b.result.Phases[i].Error = Failed, b.log.mask.Text(err.Error())
			return false, fmt.Errorf("phase %s: %w", p.Name, err)
		case !thisFailed:
			continue
		case failed == nil:
			if _, err := b.shell.Run("{ export CODEBUILD_BUILD_SUCCEEDING=0; } 2>/dev/null"); err != nil {
				return false, err
			}
		}
		if p.OnFailure == buildspec.Abort || p.OnFailure == buildspec.Default && p.Name != buildspec.Build && p.Name != buildspec.PostBuild {
			return false, nil
		}
	}
	return true, nil
}

func (b *build) phase(p buildspec.Phase, result *Phase) error {
	begun := time.Now()
	b.log.enter(p.Name)
	defer b.log.enter("")
	b.log.mark("phase %s begins", p.Name)
	err := b.commands(p.Name, p.Commands)
	if err == nil {
		err = b.commands(p.Name, p.Finally)
	}
	result.Duration = time.Since(begun)
	result.Outcome = Succeeded
	if b.failure != nil {
		result.Outcome, result.Error = Failed, b.failure.Error()
	}
	if err != nil {
		return err
	}
	b.log.mark("phase %s %s after %v", p.Name, result.Outcome, result.Duration.Round(time.Millisecond))
	return nil
}

// commands runs them up to the first that fails.
func (b *build) commands(phase string, commands []buildspec.Text) error {
	for _, c := range commands {
		name := b.log.firstLine(c.Value)
		b.log.mark("$ %s", name)
		status, err := b.shell.Run(c.Value)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", c.Source, name, err)
		}
		if status == 0 {
			continue
		}
		b.log.mark("%s: exit status %d", c.Source, status)
		if b.failure == nil {
			b.failure = &FailedError{Phase: phase, Source: c.Source, Command: name, Status: status}
		}
		break
	}
	return nil
}

// export reads the exported variables out of the shell.
func (b *build) export() error {
	if len(b.Spec.Env.Exported) == 0 {
		return nil
	}
	values, err := b.ask("exported", func(script *strings.Builder) {
		for _, name := range b.Spec.Env.Exported {
			fmt.Fprintf(script, "if [ -n \"${%s+set}\" ]; then printf '%%s\\0' \"%s=$%s\"; fi\n", name.Value, name.Value, name.Value)
		}
	})
	if err != nil {
		return err
	}
	b.result.Exported = map[string]string{}
	for _, v := range values {
		if name, value, ok := strings.Cut(v, "="); ok {
			b.result.Exported[name] = value
		}
	}
	for _, name := range b.Spec.Env.Exported {
		value, ok := b.result.Exported[name.Value]
		switch {
		case !ok:
			b.log.mark("%s: exported variable %s is not set", name.Source, name.Value)
		case b.guard.Text(value) != value:
			delete(b.result.Exported, name.Value)
			if b.failure == nil {
				b.failure = fmt.Errorf("%s: exported variable %s holds a secret value; outputs are stored and shown, so export the secret's name instead", name.Source, name.Value)
			}
		}
	}
	return nil
}

// ask has the shell print values that end with NUL, and returns them.
func (b *build) ask(about string, write func(script *strings.Builder)) ([]string, error) {
	answer := b.folder(about)
	var script strings.Builder
	script.WriteString("{\n")
	write(&script)
	fmt.Fprintf(&script, "} >|%s 2>/dev/null\n", session.Quote(answer))
	if _, err := b.shell.Run(script.String()); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(answer)
	if err != nil {
		return nil, fmt.Errorf("the shell did not answer: %w", err)
	}
	values := strings.Split(string(content), "\x00")
	return values[:len(values)-1], nil
}
