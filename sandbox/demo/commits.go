package demo

import (
	"context"
	"os"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/examples"
)

// begin pushes the example as the first commit, and returns it.
func (t *telling) begin(ctx context.Context) (string, error) {
	files, err := examples.Open(t.options.Example)
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(t.repo.Dir, files); err != nil {
		return "", err
	}
	return t.push(ctx, "A blog and its database\n\nGhost with one Pod and a single-AZ MySQL, to begin with.\n\nRefs BLOG-1")
}

// surviveZoneLoss changes one file on each plane in one commit.
func (t *telling) surviveZoneLoss(ctx context.Context) (string, error) {
	if err := t.repo.Replace(t.story.database, t.story.single, t.story.multi); err != nil {
		return "", err
	}
	if err := t.repo.Replace("kubernetes/deployment.yaml", "replicas: 1", "replicas: 2"); err != nil {
		return "", err
	}
	return t.push(ctx, "Survive the loss of a zone\n\nThe database gets a standby in a second zone, the blog a second Pod.\n\nRefs BLOG-42")
}

func (t *telling) push(ctx context.Context, message string) (string, error) {
	if err := t.repo.Commit(ctx, message); err != nil {
		return "", err
	}
	return t.repo.Push(ctx)
}

// changedLines of a diff: file names, and what was taken out and put in.
func changedLines(diff string) []string {
	var lines []string
	for line := range strings.Lines(diff) {
		line = strings.TrimRight(line, "\n")
		switch name, isFile := strings.CutPrefix(line, "+++ b/"); {
		case isFile:
			lines = append(lines, name)
		case strings.HasPrefix(line, "---"):
		case strings.HasPrefix(line, "-"), strings.HasPrefix(line, "+"):
			lines = append(lines, "  "+line[:1]+" "+strings.TrimSpace(line[1:]))
		}
	}
	return lines
}
