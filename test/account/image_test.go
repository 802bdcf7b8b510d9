package account

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/drawbridge-gitops/drawbridge/internal/account"
)

// builder puts a container builder on PATH that notes what it is told.
func builder(t *testing.T, script string) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	program := "#!/bin/sh\n[ \"$1\" = info ] || echo \"$@\" >> " + log + "\n" + script
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CDK_DOCKER", "")
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+"/usr/bin:/bin")
	return func() string {
		text, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), dir, "$DIR")
	}
}

var web = account.Image{
	Repository: "images", Tag: "abc", Region: region, Folder: "/web", File: "web.Dockerfile", Target: "run", Platform: "linux/arm64",
	Arguments: map[string]string{"B": "2", "A": "1"},
}

func TestImagesAreBuiltAndPushed(t *testing.T) {
	a, _ := world(t)
	calls := builder(t, `case $1 in
build) echo "Step 1/1";;
login) read -r password; [ -n "$password" ] || exit 1; [ -d "$DOCKER_CONFIG" ] || exit 1;;
esac`)
	if _, err := ecr.NewFromConfig(a.Config()).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: awssdk.String("images")}); err != nil {
		t.Fatal(err)
	}
	if err := a.CanBuildImages(t.Context()); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	sent, err := a.PublishImage(t.Context(), web, &log)
	if err != nil || !sent {
		t.Fatalf("sent %t, %v\n%s", sent, err, log.String())
	}
	lines := strings.Split(strings.TrimSpace(calls()), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], "/images:abc --file /web/web.Dockerfile --target run --platform linux/arm64 --build-arg A=1 --build-arg B=2 /web") ||
		!strings.HasPrefix(lines[1], "login --username AWS --password-stdin 123456789012.dkr.ecr.") || !strings.HasPrefix(lines[2], "push 123456789012.dkr.ecr.") {
		t.Errorf("the builder was told\n%s", strings.Join(lines, "\n"))
	}
	if log.String() != "Step 1/1\n" {
		t.Errorf("the log has %q", log.String())
	}
}

func TestImagesThatCantBeBuilt(t *testing.T) {
	a, _ := world(t)
	if _, err := ecr.NewFromConfig(a.Config()).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: awssdk.String("images")}); err != nil {
		t.Fatal(err)
	}
	builder(t, `[ $1 = info ] && echo "Cannot connect to the engine" && exit 1`)
	if err := a.CanBuildImages(t.Context()); !errors.Is(err, account.ErrNoBuilder) || !strings.Contains(err.Error(), "Cannot connect") {
		t.Errorf("a client without an engine: %v", err)
	}
	builder(t, `[ $1 = build ] && echo "no such file" && exit 1; exit 0`)
	var log bytes.Buffer
	if _, err := a.PublishImage(t.Context(), web, &log); err == nil || !strings.Contains(err.Error(), "docker build: exit status 1") || log.String() != "no such file\n" {
		t.Errorf("a build that fails: %v\n%s", err, log.String())
	}
	elsewhere := web
	elsewhere.Repository = "other"
	if _, err := a.PublishImage(t.Context(), elsewhere, &log); err == nil || !strings.Contains(err.Error(), "repository other in "+region+" is not there") {
		t.Errorf("no repository: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := a.CanBuildImages(t.Context()); !errors.Is(err, account.ErrNoBuilder) || !strings.Contains(err.Error(), "docker, podman, finch") {
		t.Errorf("no builder: %v", err)
	}
}
