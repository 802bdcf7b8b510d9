// Command generate writes the reduced resource schemas that package schema
// embeds, from the database of the npm package @aws-cdk/aws-service-spec.
//
//	go run ./generate -out schemas.json.gz            # fetches the package with npm
//	go run ./generate -package spec.tgz -out schemas.json.gz
//
// The output is deterministic: the same package gives the same bytes.
package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	npmPackage = "@aws-cdk/aws-service-spec"
	version    = "0.1.216"
)

func main() {
	tarball := flag.String("package", "", "the npm package as a .tgz file; fetched with npm when empty")
	out := flag.String("out", "schemas.json.gz", "file to write")
	flag.Parse()
	if err := run(*tarball, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(tarball, out string) error {
	if tarball == "" {
		dir, err := os.MkdirTemp("", "service-spec-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if tarball, err = fetch(dir); err != nil {
			return err
		}
	}
	db, err := readDatabase(tarball)
	if err != nil {
		return fmt.Errorf("read %s: %w", tarball, err)
	}
	doc, err := reduce(db)
	if err != nil {
		return err
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	// No name and no time in the header, so that the bytes depend on the data alone.
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(body); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %d resource types, %d bytes of JSON\n", out, len(doc.Types), len(body))
	return f.Close()
}

func fetch(dir string) (string, error) {
	cmd := exec.Command("npm", "pack", "--silent", npmPackage+"@"+version)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	name, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("npm pack %s@%s: %w", npmPackage, version, err)
	}
	return filepath.Join(dir, strings.TrimSpace(string(name))), nil
}

// readDatabase returns the package's db.json.gz, after checking that the
// package is the version that this generator was written for.
func readDatabase(tarball string) (*database, error) {
	f, err := os.Open(tarball)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var db *database
	var manifest struct{ Name, Version string }
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch h.Name {
		case "package/package.json":
			if err := json.NewDecoder(t).Decode(&manifest); err != nil {
				return nil, err
			}
		case "package/db.json.gz":
			inner, err := gzip.NewReader(t)
			if err != nil {
				return nil, err
			}
			db = new(database)
			if err := json.NewDecoder(inner).Decode(db); err != nil {
				return nil, err
			}
		}
	}
	if manifest.Name != npmPackage || manifest.Version != version {
		return nil, fmt.Errorf("it is %s@%s, not %s@%s", manifest.Name, manifest.Version, npmPackage, version)
	}
	if db == nil {
		return nil, errors.New("it holds no db.json.gz")
	}
	return db, nil
}
