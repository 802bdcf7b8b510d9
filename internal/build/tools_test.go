package build

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a build installs for all is found by the commands after it, and stays in
// the build's own folders. Nothing here needs the network, and none is given.
func TestGlobalInstallsStayInHome(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("npm and pip take seconds")
	}
	for _, program := range []string{"npm", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("this test needs %s: %v", program, err)
		}
	}
	r, log := request(t, map[string]string{
		"buildspec.yml": `version: 0.2
phases:
  install:
    commands:
      - npm install -g --offline --no-audit --no-fund --no-update-notifier ./tool.tgz
      - pip install --no-index --disable-pip-version-check ./greeting-1.0-py3-none-any.whl
  build:
    commands:
      - tool from-npm
      - greet
      - python3 -c 'import greeting; print(greeting.__file__)'
      - env python -m greeting
      - python3 -m venv --without-pip own && . own/bin/activate && python3 -c 'import sys; print(sys.prefix)'
`,
		"tool/package.json": `{"name": "tool", "version": "1.0.0", "bin": {"tool": "tool.js"}}`,
		"tool/tool.js":      "#!/usr/bin/env node\nconsole.log('ran', process.argv[2], __filename)\n",
	})
	wheel(t, filepath.Join(r.Source, "greeting-1.0-py3-none-any.whl"), map[string]string{
		"greeting.py":                             "def main(): print('hello from', __file__)\nif __name__ == '__main__': main()\n",
		"greeting-1.0.dist-info/METADATA":         "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
		"greeting-1.0.dist-info/WHEEL":            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"greeting-1.0.dist-info/entry_points.txt": "[console_scripts]\ngreet = greeting:main\n",
		"greeting-1.0.dist-info/RECORD":           "greeting.py,,\ngreeting-1.0.dist-info/METADATA,,\ngreeting-1.0.dist-info/WHEEL,,\ngreeting-1.0.dist-info/entry_points.txt,,\ngreeting-1.0.dist-info/RECORD,,\n",
	})
	// A folder would only be linked to.
	pack := exec.Command("tar", "-czf", filepath.Join(r.Source, "tool.tgz"), "--transform", "s,^tool,package,", "tool")
	pack.Dir = r.Source
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := Run(t.Context(), r); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for _, want := range []string{
		"ran from-npm BASE/scratch/home/.npm-global/lib/node_modules/tool/tool.js",
		"hello from BASE/scratch/home/.venv/",
		"  BASE/scratch/home/.venv/",
		"  BASE/source/own\n",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log", want)
		}
	}
	if t.Failed() {
		t.Log(log)
	}
}

func wheel(t *testing.T, file string, content map[string]string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for name, text := range content {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}
