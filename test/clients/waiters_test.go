package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var delay = regexp.MustCompile(`"delay":\s*\d+`)

// quickWaiters writes the AWS CLI's own waiters into a folder for AWS_DATA_PATH,
// but such that they look every second: stacks here are made at once, and the
// CLI's next look would be after half a minute.
func quickWaiters(python, into string) error {
	files, err := filepath.Glob(filepath.Join(python, "venv/lib/python3*/site-packages/awscli/botocore/data/*/*/waiters-2.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no waiters of the AWS CLI below %s", python)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		version := filepath.Dir(file)
		dir := filepath.Join(into, filepath.Base(filepath.Dir(version)), filepath.Base(version))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), delay.ReplaceAll(body, []byte(`"delay": 1`)), 0o644); err != nil {
			return err
		}
	}
	return nil
}
