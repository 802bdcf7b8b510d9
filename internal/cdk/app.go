package cdk

import (
	"context"
	"encoding/json"
	"maps"
	"path"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// app is what cdk.json and cdk.context.json say.
type app struct {
	command string
	context map[string]any
}

// readApp reads the files of a folder.
func readApp(ctx context.Context, tree *git.Tree, read git.BlobReader, folder string) (*app, error) {
	name := path.Join(folder, "cdk.json")
	data, _, err := tree.ReadFile(ctx, read, name)
	if err != nil {
		return nil, err
	}
	var file struct {
		App     any            `json:"app"`
		Context map[string]any `json:"context"`
	}
	at := document.Position{File: name}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, document.Errorf(at, "the file is not valid JSON: %v", err)
	}
	a := &app{context: map[string]any{}}
	switch command := file.App.(type) {
	case string:
		a.command = command
	case []any:
		return nil, document.Errorf(at, `"app" is a list: expected the command as one text, such as "python3 app.py"`)
	}
	if a.command == "" {
		return nil, document.Errorf(at, `there is no "app": expected the command that runs the CDK app, such as "python3 app.py"`)
	}
	pinned := path.Join(folder, "cdk.context.json")
	if _, ok := tree.Entry(pinned); ok {
		data, _, err := tree.ReadFile(ctx, read, pinned)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &a.context); err != nil {
			return nil, document.Errorf(document.Position{File: pinned}, "the file is not valid JSON: %v", err)
		}
	}
	maps.Copy(a.context, file.Context)
	return a, nil
}

// cliContext is what the CDK CLI tells an app by default; without it the
// templates would lack what the CLI puts into them.
var cliContext = map[string]any{
	"aws:cdk:enable-path-metadata":  true,
	"aws:cdk:enable-asset-metadata": true,
	"aws:cdk:bundling-stacks":       []string{"**"},
}
