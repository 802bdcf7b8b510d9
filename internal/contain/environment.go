package contain

import (
	"os"
	"slices"
	"strings"
)

// networkVariables say how to reach the network; they pass to those who may.
var networkVariables = []string{
	"http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", // OpenSSL, Go
	"NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
	"NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
}

// Environment is the least that programs expect: PATH as we have it, HOME, TMPDIR
// and a UTF-8 locale. With network, also how to reach it: proxies and
// certificates. Nothing else of ours is in it, no credential above all. The
// folders must exist.
func Environment(home, tmp string, network bool) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + tmp, "LANG=C.UTF-8"}
	if network {
		for _, name := range networkVariables {
			if v, ok := os.LookupEnv(name); ok {
				env = append(env, name+"="+v)
			}
		}
	}
	return env
}

// lookup returns a variable's value; the last one of a name counts, as for
// package exec.
func lookup(env []string, name string) string {
	for _, e := range slices.Backward(env) {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}
