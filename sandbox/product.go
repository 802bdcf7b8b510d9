package sandbox

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// controller is the product: the same program that a user runs, told where this
// sandbox is.
func (s *Sandbox) controller() (spec, error) {
	program, err := controllerProgram(s.options.Controller)
	if err != nil {
		return spec{}, err
	}
	token := s.path("controller", "api-token")
	if err := os.MkdirAll(s.path("controller"), 0o700); err != nil {
		return spec{}, err
	}
	if err := os.WriteFile(token, []byte(s.state.APIToken+"\n"), 0o600); err != nil {
		return spec{}, err
	}
	sp := spec{name: Controller, address: s.APIURL(), log: s.LogPath(Controller), restart: true}
	sp.launch = func() (*part.Child, awaitReady, error) {
		child, err := part.Start(part.Command{
			Name: Controller, Path: program, Dir: s.dir, Log: sp.log, Env: plainEnv(append(toRegistries(), s.AWSEnv()...)...),
			Args: []string{
				"drawbridge", "serve",
				"--kubeconfig=" + s.Kubeconfig(),
				"--data-dir=" + s.path("controller"),
				"--listen=" + s.state.address(Controller),
				"--api-token-file=" + token,
				"--stack-poll-interval=" + s.options.StackPollInterval.String(),
			},
		})
		return child, func(ctx context.Context) error {
			return awaitHealthy(ctx, http.DefaultClient, sp.address+"/readyz")
		}, err
	}
	return sp, nil
}

// registryVariables begin the names of variables that say where packages come
// from, and how that is reached: what CDK apps and builds need is installed by
// the controller.
var registryVariables = []string{
	"HTTP_PROXY=", "HTTPS_PROXY=", "NO_PROXY=", "http_proxy=", "https_proxy=", "no_proxy=",
	"SSL_CERT_FILE=", "SSL_CERT_DIR=", "NODE_EXTRA_CA_CERTS=", "REQUESTS_CA_BUNDLE=", "CURL_CA_BUNDLE=",
	"NPM_CONFIG_", "npm_config_", "PIP_", "GOPROXY=", "MAVEN_",
}

func toRegistries() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return !slices.ContainsFunc(registryVariables, func(begin string) bool { return strings.HasPrefix(v, begin) })
	})
}
