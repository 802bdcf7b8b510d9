package buildspec

import "github.com/drawbridge-gitops/drawbridge/internal/document"

// FileNames are what a build specification is called by default, the one that
// CodeBuild looks for first.
var FileNames = []string{"buildspec.yml", "buildspec.yaml"}

// Source is the file and line that define something.
type Source = document.Position

// Text is a value and where it stands.
type Text struct {
	Value  string `json:"value"`
	Source Source `json:"source"`
}

// Spec is what a file says.
type Spec struct {
	// RunAs is the user that every phase runs as, unless it says otherwise; empty
	// for whoever runs the build.
	RunAs Text `json:"runAs,omitzero"`
	Env   Env  `json:"env"`
	// Phases that the file has, in the order in which they run.
	Phases []Phase `json:"phases"`
	// Artifacts is nil when there are none.
	Artifacts *Artifacts `json:"artifacts,omitempty"`
	// Cache are the patterns of cache.paths.
	Cache []Text `json:"cache,omitempty"`
	// Reports are the test reports that the file describes.
	Reports []Text `json:"reports,omitempty"`
	// Notes say what of the file has no effect here.
	Notes []Text `json:"notes,omitempty"`
}

// Env is the environment of the commands.
type Env struct {
	// Shell is "sh" or "bash".
	Shell      string            `json:"shell"`
	Variables  map[string]Text   `json:"variables,omitempty"`
	Parameters map[string]Text   `json:"parameters,omitempty"`
	Secrets    map[string]Secret `json:"secrets,omitempty"`
	// Exported are the variables whose value at the end is an output.
	Exported []Text `json:"exported,omitempty"`
}

// Secret is a value in Secrets Manager.
type Secret struct {
	// ID is the name or the ARN.
	ID string `json:"id"`
	// Key is the key of the JSON that the secret holds; empty for all of it.
	Key string `json:"key,omitempty"`
	// Stage is AWSCURRENT, unless the file says otherwise.
	Stage string `json:"stage"`
	// Version is the ID of a version, or empty for the one of the stage.
	Version string `json:"version,omitempty"`
	Source  Source `json:"source"`
}

// Names of phases.
const (
	Install   = "install"
	PreBuild  = "pre_build"
	Build     = "build"
	PostBuild = "post_build"
)

// PhaseNames are all of them, in the order in which they run.
var PhaseNames = []string{Install, PreBuild, Build, PostBuild}

// OnFailure is what follows when a command of a phase fails.
type OnFailure string

// Default is CodeBuild's order: post_build follows a build that failed, and
// nothing follows another phase that did.
const (
	Default  OnFailure = ""
	Abort    OnFailure = "ABORT"
	Continue OnFailure = "CONTINUE"
)

// Phase is a list of commands.
type Phase struct {
	Name      string    `json:"name"`
	Source    Source    `json:"source"`
	RunAs     Text      `json:"runAs,omitzero"`
	OnFailure OnFailure `json:"onFailure,omitempty"`
	// Runtimes are the versions that phase install asks for, by runtime.
	Runtimes map[string]Text `json:"runtimes,omitempty"`
	Commands []Text          `json:"commands,omitempty"`
	// Finally are commands that run whether the others succeeded or not.
	Finally []Text `json:"finally,omitempty"`
}

// Artifacts are files that the build hands over.
type Artifacts struct {
	// Name is empty when the file gives none. It may use the build's variables.
	Name Text `json:"name,omitzero"`
	// BaseDirectory is where Files start; a pattern that names one folder.
	BaseDirectory Text   `json:"baseDirectory,omitzero"`
	Files         []Text `json:"files"`
	Exclude       []Text `json:"exclude,omitempty"`
	// DiscardPaths puts all files into one folder.
	DiscardPaths bool `json:"discardPaths,omitempty"`
	// Symlinks keeps links, instead of what they lead to.
	Symlinks bool   `json:"symlinks,omitempty"`
	Source   Source `json:"source"`
	// Secondary are further sets, by identifier.
	Secondary map[string]Artifacts `json:"secondary,omitempty"`
}
