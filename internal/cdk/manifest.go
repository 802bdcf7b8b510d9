package cdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MaxSchema is the newest major version of the cloud assembly's schema that is
// understood.
const MaxSchema = 55

// ErrSchema is an assembly from a CDK that is newer than this program.
var ErrSchema = errors.New("the cloud assembly is newer than this version of Drawbridge knows")

// manifest is manifest.json, as far as it is used.
type manifest struct {
	Version   string              `json:"version"`
	Artifacts map[string]artifact `json:"artifacts"`
	Missing   []missing           `json:"missing"`
}

// missing is context that the app asked for and did not get.
type missing struct {
	Key   string `json:"key"`
	Props struct {
		LookupRole string `json:"lookupRoleArn"`
	} `json:"props"`
}

type artifact struct {
	Type                   string                `json:"type"`
	Environment            string                `json:"environment"`
	Dependencies           []string              `json:"dependencies"`
	DisplayName            string                `json:"displayName"`
	Metadata               map[string][]metadata `json:"metadata"`
	AdditionalMetadataFile string                `json:"additionalMetadataFile"`
	Properties             struct {
		// Of a stack.
		TemplateFile              string            `json:"templateFile"`
		StackName                 string            `json:"stackName"`
		Parameters                map[string]string `json:"parameters"`
		Tags                      map[string]string `json:"tags"`
		TerminationProtection     *bool             `json:"terminationProtection"`
		ExecutionRole             string            `json:"cloudFormationExecutionRoleArn"`
		TemplateURL               string            `json:"stackTemplateAssetObjectUrl"`
		RequiresBootstrap         int               `json:"requiresBootstrapStackVersion"`
		BootstrapVersionParameter string            `json:"bootstrapStackVersionSsmParameter"`
		// Of an asset manifest.
		File string `json:"file"`
		// Of a stage: a nested assembly.
		DirectoryName string `json:"directoryName"`
		DisplayName   string `json:"displayName"`
	} `json:"properties"`
}

type metadata struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

// Types of artifacts that matter here. All others are for tools.
const (
	stackArtifact  = "aws:cloudformation:stack"
	assetArtifact  = "cdk:asset-manifest"
	nestedArtifact = "cdk:cloud-assembly"
)

// assetManifest is STACK.assets.json.
type assetManifest struct {
	Files map[string]struct {
		DisplayName string `json:"displayName"`
		Source      struct {
			Path       string   `json:"path"`
			Packaging  string   `json:"packaging"`
			Executable []string `json:"executable"`
		} `json:"source"`
		Destinations map[string]struct {
			BucketName string `json:"bucketName"`
			ObjectKey  string `json:"objectKey"`
			Region     string `json:"region"`
		} `json:"destinations"`
	} `json:"files"`
	DockerImages map[string]struct {
		DisplayName  string                     `json:"displayName"`
		Source       map[string]json.RawMessage `json:"source"`
		Destinations map[string]struct {
			RepositoryName string `json:"repositoryName"`
			ImageTag       string `json:"imageTag"`
			Region         string `json:"region"`
		} `json:"destinations"`
	} `json:"dockerImages"`
}

func readManifest(dir string) (*manifest, error) {
	var m manifest
	name := filepath.Join(dir, "manifest.json")
	if err := readJSON(name, &m); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the app wrote no cloud assembly: does it call app.synth()? %w", err)
		}
		return nil, err
	}
	major, _, _ := strings.Cut(m.Version, ".")
	switch n, err := strconv.Atoi(major); {
	case err != nil:
		return nil, fmt.Errorf("manifest.json of the cloud assembly has the version %q: expected a number of three parts", m.Version)
	case n > MaxSchema:
		return nil, fmt.Errorf("%w: its schema is %s, and %d is the newest that is understood; use an older aws-cdk-lib, or a newer Drawbridge", ErrSchema, m.Version, MaxSchema)
	}
	return &m, nil
}

func readJSON(name string, into any) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return nil
}
