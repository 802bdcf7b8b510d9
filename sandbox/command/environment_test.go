package command

import (
	"bytes"
	"strings"
	"testing"
)

func TestEnvironmentUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"environment"}, exitUsage, "takes one argument"},
		{[]string{"environment", "a", "b"}, exitUsage, "takes one argument"},
		{[]string{"environment", "a", "--state", t.TempDir()}, exitError, "drawbridge-sandbox"},
	} {
		var out, errs bytes.Buffer
		if code := Run(tt.args, &out, &errs); code != tt.code || !strings.Contains(errs.String(), tt.says) {
			t.Errorf("%v: exit code %d, %q; want %d with %q", tt.args, code, errs.String(), tt.code, tt.says)
		}
	}
}
