package account

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// Image is a container image to be built from a folder and pushed to ECR.
type Image struct {
	// Repository and Tag that it is published as, in the account's registry of the
	// region.
	Repository, Tag, Region string
	// Folder is the context of the build; File is the Dockerfile in it, when it is
	// another than "Dockerfile".
	Folder, File string
	// Target, Platform and Arguments are those of the build.
	Target, Platform string
	Arguments        map[string]string
}

// ErrNoBuilder is a machine that can't build container images.
var ErrNoBuilder = errors.New("there is no container builder on the machine of the controller")

// builders are looked for in this order, after the one that CDK_DOCKER names, as
// for the CDK CLI.
var builders = []string{"docker", "podman", "finch"}

// containerBuilder returns the program that builds images, and ErrNoBuilder where
// there is none that works: a client without an engine builds nothing.
func containerBuilder(ctx context.Context) (string, error) {
	names := builders
	if named := os.Getenv("CDK_DOCKER"); named != "" {
		names = []string{named}
	}
	for _, name := range names {
		program, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if out, err := exec.CommandContext(ctx, program, "info").CombinedOutput(); err != nil {
			last := strings.TrimSpace(string(out))
			return "", fmt.Errorf("%w: %s has no engine to work with (%s)", ErrNoBuilder, name, last[strings.LastIndexByte(last, '\n')+1:])
		}
		return program, nil
	}
	return "", fmt.Errorf("%w: none of %s is on its PATH", ErrNoBuilder, strings.Join(names, ", "))
}

// CanBuildImages tells why PublishImage could build none; nil when it can.
func (a *Account) CanBuildImages(ctx context.Context) error {
	_, err := containerBuilder(ctx)
	return err
}

// PublishImage builds the image with the container builder and pushes it, unless
// its repository has the tag. It returns whether it had to. What the builder
// prints goes to log. The credentials for the push are in a folder that is gone
// afterwards.
func (a *Account) PublishImage(ctx context.Context, i Image, log io.Writer) (sent bool, err error) {
	client := ecr.NewFromConfig(a.config, func(o *ecr.Options) {
		if i.Region != "" {
			o.Region = i.Region
		}
	})
	_, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &i.Repository, ImageIds: []types.ImageIdentifier{{ImageTag: &i.Tag}}})
	var noRepository *types.RepositoryNotFoundException
	var noImage *types.ImageNotFoundException
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &noRepository):
		return false, fmt.Errorf("repository %s in %s is not there: %w", i.Repository, i.Region, err)
	case !errors.As(err, &noImage):
		return false, fmt.Errorf("look for the image %s:%s: %w", i.Repository, i.Tag, err)
	}
	program, err := containerBuilder(ctx)
	if err != nil {
		return false, err
	}
	registry, password, err := login(ctx, client)
	if err != nil {
		return false, err
	}
	settings, err := os.MkdirTemp("", "drawbridge-registry-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(settings) }() // the token in it ends by itself
	name := registry + "/" + i.Repository + ":" + i.Tag
	for _, step := range []struct {
		args  []string
		input string
	}{
		{i.arguments(name), ""},
		{[]string{"login", "--username", "AWS", "--password-stdin", registry}, password},
		{[]string{"push", name}, ""},
	} {
		cmd := exec.CommandContext(ctx, program, step.args...)
		cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+settings, "REGISTRY_AUTH_FILE="+filepath.Join(settings, "auth.json"))
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(step.input), log, log
		if err := cmd.Run(); err != nil {
			if ctx.Err() != nil {
				return false, context.Cause(ctx)
			}
			return false, fmt.Errorf("%s %s: %w", filepath.Base(program), step.args[0], err)
		}
	}
	return true, nil
}

// arguments of the builder's build command.
func (i Image) arguments(name string) []string {
	args := []string{"build", "--tag", name}
	if i.File != "" {
		args = append(args, "--file", filepath.Join(i.Folder, filepath.FromSlash(i.File)))
	}
	if i.Target != "" {
		args = append(args, "--target", i.Target)
	}
	if i.Platform != "" {
		args = append(args, "--platform", i.Platform)
	}
	for _, key := range slices.Sorted(maps.Keys(i.Arguments)) {
		args = append(args, "--build-arg", key+"="+i.Arguments[key])
	}
	return append(args, i.Folder)
}

// login returns the account's registry and the password for it.
func login(ctx context.Context, client *ecr.Client) (registry, password string, err error) {
	out, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return "", "", fmt.Errorf("a token for the registry: %w", err)
	}
	if len(out.AuthorizationData) == 0 {
		return "", "", errors.New("a token for the registry: the answer holds none")
	}
	data := out.AuthorizationData[0]
	token, err := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken))
	if err != nil {
		return "", "", fmt.Errorf("a token for the registry: %w", err)
	}
	_, secret, _ := bytes.Cut(token, []byte(":"))
	_, host, _ := strings.Cut(aws.ToString(data.ProxyEndpoint), "://")
	return host, string(secret), nil
}
