package clients

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// setup gives a script an account of its own and the clients, told to look
// nowhere but at the endpoint.
func setup(env *testscript.Env) error {
	script := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	node, python := Node.Dir(shared.root), Python.Dir(shared.root)
	if err := os.Symlink(filepath.Join(node, "node_modules"), filepath.Join(env.WorkDir, "node_modules")); err != nil {
		return err
	}
	waiters := filepath.Join(home, "waiters")
	if err := quickWaiters(python, waiters); err != nil {
		return err
	}
	path := []string{filepath.Join(node, Node.Bin), filepath.Join(python, Python.Bin), os.Getenv("PATH")}
	for name, value := range map[string]string{
		"PATH":                  strings.Join(path, string(filepath.ListSeparator)),
		"HOME":                  home,
		"CDK_HOME":              filepath.Join(home, "cdk"), // the account of a key is kept there, and HOME is not looked at
		"ACCOUNT":               shared.accounts[script],
		"ENDPOINT":              shared.endpoint.URL,
		"AWS_ENDPOINT_URL":      shared.endpoint.URL,
		"AWS_ACCESS_KEY_ID":     keyOf(script),
		"AWS_SECRET_ACCESS_KEY": "secret-of-" + script,
		"AWS_REGION":            "eu-west-1",
		"AWS_DEFAULT_REGION":    "eu-west-1",

		"AWS_DATA_PATH":             waiters,
		"AWS_EC2_METADATA_DISABLED": "true",
		"HTTP_PROXY":                shared.outside.URL,
		"HTTPS_PROXY":               shared.outside.URL,
		"NO_PROXY":                  "127.0.0.1,localhost",

		"CDK_DISABLE_CLI_TELEMETRY":                    "true",
		"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION":   "1",
		"JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
		"JSII_RUNTIME_PACKAGE_CACHE_ROOT":              filepath.Join(python, "jsii"),
	} {
		env.Setenv(name, value)
	}
	return nil
}

// keep sets a variable to what the last command printed.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// fill makes a file of so many megabytes.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill FILE MEGABYTES")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte("0123456789abcdef"), size<<16), 0o644))
}

// fetch reads a URL as anybody would, unsigned, into the file fetched; with ! it
// must be refused.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] fetch URL")
	}
	response, err := http.Get(args[0])
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("fetched"), body, 0o644))
	if refused := response.StatusCode >= http.StatusBadRequest; refused != neg {
		ts.Fatalf("%s: %s\n%s", args[0], response.Status, body)
	}
}
