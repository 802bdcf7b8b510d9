package cdk

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Assembly is a synthesized app.
type Assembly struct {
	// Dir holds its files.
	Dir string
	// Stacks, each after those that it depends on.
	Stacks []Stack
	// Warnings that the app annotated its constructs with.
	Warnings []string
}

// Place is an account and region.
type Place struct{ Account, Region string }

// Stack is one stack of the app.
type Stack struct {
	// ID is unique in the app: "Database", "Prod/Database" in a stage.
	ID string
	// Name of the stack in CloudFormation.
	Name string
	// Place that it is for: the one given to Read where the app leaves it open.
	Place Place
	// Template is its text and TemplateFile the name of its file, within Dir.
	Template, TemplateFile string
	// TemplateURL is where the template is among its own assets, as
	// "s3://bucket/key"; empty where it is not.
	TemplateURL           string
	Parameters, Tags      map[string]string
	TerminationProtection bool
	// ExecutionRole is the ARN of the role for CloudFormation; it may be empty.
	ExecutionRole string
	// Bootstrap is the version that the place must have been bootstrapped with,
	// which the parameter of the Parameter Store tells; 0 for none.
	Bootstrap          int
	BootstrapParameter string
	// DependsOn are the IDs of the stacks that come first.
	DependsOn []string
	Assets    []Asset
	// Images are the container images that it needs.
	Images []Image
}

// Asset is a file or a folder to be published before the stack.
type Asset struct {
	// ID is a digest of its content; Name is for people.
	ID, Name string
	// Path of the file or folder. A folder is published as a zip archive.
	Path string
	Zip  bool
	// Destinations to publish it to.
	Destinations []Destination
}

// Destination is an object in S3.
type Destination struct{ Bucket, Key, Region string }

// Read reads the assembly in a folder for a place.
func Read(dir string, at Place) (*Assembly, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	r := reader{root: dir, at: at, all: map[string]*found{}}
	if err := r.read(dir, "", m); err != nil {
		return nil, err
	}
	if len(r.problems) > 0 {
		return nil, errors.New("the app reports errors on its constructs:\n  " + strings.Join(r.problems, "\n  "))
	}
	out := &Assembly{Dir: dir, Warnings: r.warnings}
	for _, id := range slices.Sorted(maps.Keys(r.all)) {
		if err := r.visit(id, nil, &out.Stacks); err != nil {
			return nil, err
		}
	}
	if len(out.Stacks) == 0 {
		return nil, errors.New("the app defines no stack")
	}
	return out, nil
}

// reader gathers the artifacts of an assembly and its nested ones.
type reader struct {
	root               string
	at                 Place
	all                map[string]*found // stacks, by ID
	order              []string          // their IDs, as they were found
	problems, warnings []string
}

type found struct {
	Stack
	done bool
}

func (r *reader) read(dir, prefix string, m *manifest) error {
	assets := map[string]assetManifest{}
	for id, a := range m.Artifacts {
		if a.Type != assetArtifact {
			continue
		}
		var am assetManifest
		name, err := r.inside(dir, a.Properties.File)
		if err == nil {
			err = readJSON(name, &am)
		}
		if err != nil {
			return fmt.Errorf("asset manifest %s: %w", id, err)
		}
		assets[id] = am
	}
	made := map[string][]string{} // IDs of the stacks that an artifact stands for
	for _, id := range slices.Sorted(maps.Keys(m.Artifacts)) {
		a := m.Artifacts[id]
		before := len(r.order)
		switch a.Type {
		case nestedArtifact:
			sub, err := r.inside(dir, a.Properties.DirectoryName)
			if err != nil {
				return fmt.Errorf("stage %s: %w", id, err)
			}
			inner, err := readManifest(sub)
			if err != nil {
				return fmt.Errorf("stage %s: %w", id, err)
			}
			if err := r.read(sub, a.Properties.DisplayName+"/", inner); err != nil {
				return err
			}
		case stackArtifact:
			if err := r.stack(dir, prefix, id, a, m, assets); err != nil {
				return fmt.Errorf("stack %s: %w", id, err)
			}
		}
		made[id] = slices.Clone(r.order[before:])
	}
	// What a stage waits for, each stack in it does.
	for id, a := range m.Artifacts {
		if a.Type != nestedArtifact {
			continue
		}
		for _, d := range a.Dependencies {
			for _, s := range made[id] {
				r.all[s].DependsOn = append(r.all[s].DependsOn, made[d]...)
			}
		}
	}
	return nil
}

func (r *reader) stack(dir, prefix, id string, a artifact, m *manifest, assets map[string]assetManifest) error {
	at, err := r.place(a.Environment)
	if err != nil {
		return err
	}
	if err := r.annotations(dir, a); err != nil {
		return err
	}
	p := a.Properties
	name, err := r.inside(dir, p.TemplateFile)
	if err != nil {
		return err
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	s := Stack{
		ID: stackID(prefix, id, a), Name: p.StackName, Place: at, Template: string(body), TemplateFile: p.TemplateFile,
		TemplateURL: at.fill(p.TemplateURL), Parameters: p.Parameters, Tags: p.Tags,
		TerminationProtection: p.TerminationProtection != nil && *p.TerminationProtection,
		ExecutionRole:         at.fill(p.ExecutionRole), Bootstrap: p.RequiresBootstrap, BootstrapParameter: p.BootstrapVersionParameter,
	}
	if s.Name == "" {
		s.Name = id
	}
	for _, d := range a.Dependencies {
		other := m.Artifacts[d]
		switch other.Type {
		case stackArtifact:
			s.DependsOn = append(s.DependsOn, stackID(prefix, d, other))
		case assetArtifact:
			s.Bootstrap = max(s.Bootstrap, other.Properties.RequiresBootstrap)
			if err := r.addAssets(&s, dir, assets[d]); err != nil {
				return err
			}
		}
	}
	if taken := r.all[s.ID]; taken != nil {
		return fmt.Errorf("the app has two stacks of this ID")
	}
	r.all[s.ID] = &found{Stack: s}
	r.order = append(r.order, s.ID)
	return nil
}

// stackID is the path of a stack in the app, as the CDK CLI shows it.
func stackID(prefix, id string, a artifact) string {
	name, _, _ := strings.Cut(a.DisplayName, " ") // "Prod/Database (Prod-Database)"
	if name == "" {
		return prefix + id
	}
	return name
}

// place reads "aws://account/region".
func (r *reader) place(environment string) (Place, error) {
	account, region, ok := strings.Cut(strings.TrimPrefix(environment, "aws://"), "/")
	if !ok || !strings.HasPrefix(environment, "aws://") {
		return Place{}, fmt.Errorf("its environment is %q: expected aws://account/region", environment)
	}
	at := Place{account, region}
	if account == "unknown-account" {
		at.Account = r.at.Account
	}
	if region == "unknown-region" {
		at.Region = r.at.Region
	}
	return at, nil
}

// fill puts the place into a text with the CDK's placeholders.
func (p Place) fill(text string) string {
	return strings.NewReplacer("${AWS::Partition}", p.Partition(), "${AWS::AccountId}", p.Account, "${AWS::Region}", p.Region).Replace(text)
}

// Partition of AWS that the region is in.
func (p Place) Partition() string {
	switch {
	case strings.HasPrefix(p.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(p.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func (r *reader) addAssets(s *Stack, dir string, m assetManifest) error {
	for _, id := range slices.Sorted(maps.Keys(m.Files)) {
		f := m.Files[id]
		if len(f.Source.Executable) > 0 {
			return fmt.Errorf("its asset %s is made by a command of the app (%s), which is not supported: make the file before, or in the app", f.DisplayName, f.Source.Executable[0])
		}
		name, err := r.inside(dir, f.Source.Path)
		if err != nil {
			return fmt.Errorf("asset %s: %w", f.DisplayName, err)
		}
		a := Asset{ID: id, Name: f.DisplayName, Path: name, Zip: f.Source.Packaging == "zip"}
		for _, d := range slices.Sorted(maps.Keys(f.Destinations)) {
			to := f.Destinations[d]
			at := s.Place
			if to.Region != "" {
				at.Region = to.Region
			}
			a.Destinations = append(a.Destinations, Destination{Bucket: at.fill(to.BucketName), Key: at.fill(to.ObjectKey), Region: at.Region})
		}
		s.Assets = append(s.Assets, a)
	}
	return r.addImages(s, dir, m)
}

// annotations gathers the errors and warnings on the stack's constructs.
func (r *reader) annotations(dir string, a artifact) error {
	all := maps.Clone(a.Metadata)
	if a.AdditionalMetadataFile != "" {
		name, err := r.inside(dir, a.AdditionalMetadataFile)
		if err != nil {
			return err
		}
		if err := readJSON(name, &all); err != nil {
			return err
		}
	}
	for _, at := range slices.Sorted(maps.Keys(all)) {
		for _, m := range all[at] {
			text := fmt.Sprintf("[%s] %v", strings.TrimPrefix(at, "/"), m.Data)
			switch m.Type {
			case "aws:cdk:error":
				r.problems = append(r.problems, text)
			case "aws:cdk:warning":
				r.warnings = append(r.warnings, text)
			}
		}
	}
	return nil
}

// visit appends a stack after those that it depends on.
func (r *reader) visit(id string, path []string, out *[]Stack) error {
	s := r.all[id]
	switch {
	case s == nil:
		return fmt.Errorf("stack %s depends on the stack %s, which the assembly does not have", path[len(path)-1], id)
	case s.done:
		return nil
	case slices.Contains(path, id):
		return fmt.Errorf("the app's stacks depend on each other in a circle: %s", strings.Join(append(path, id), " → "))
	}
	for _, d := range slices.Sorted(slices.Values(s.DependsOn)) {
		if err := r.visit(d, append(slices.Clone(path), id), out); err != nil {
			return err
		}
	}
	s.done = true
	*out = append(*out, s.Stack)
	return nil
}

// inside joins a path to the folder of an assembly. A stage's assets lie in the
// app's own folder; nothing lies outside of that.
func (r *reader) inside(dir, name string) (string, error) {
	full := filepath.Join(dir, filepath.FromSlash(name))
	if rel, err := filepath.Rel(r.root, full); name == "" || filepath.IsAbs(name) || err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q leads out of the cloud assembly", name)
	}
	return full, nil
}
