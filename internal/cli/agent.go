package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/internal/account"
	"github.com/drawbridge-gitops/drawbridge/internal/build/job"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// newBuildAgent is for the Pods of builds and not for people: package job says what
// it does there.
func newBuildAgent() *cobra.Command {
	cmd := &cobra.Command{Use: "build-agent", Short: "Run a build in a Pod", Hidden: true, Args: noArgs}
	var instruction, work string
	run := &cobra.Command{
		Use: "run", Short: "Carry out the instruction of the Pod", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := os.ReadFile(instruction)
			if err != nil {
				return fmt.Errorf("the instruction: %w", err)
			}
			var i job.Instruction
			if err := json.Unmarshal(text, &i); err != nil {
				return fmt.Errorf("the instruction: %w", err)
			}
			aws, err := accountOf(cmd.Context(), i)
			if err != nil {
				return err
			}
			return job.Agent(cmd.Context(), i, job.Surroundings{
				Folder: work, Parameters: aws, Secrets: aws,
				Fetch: func(ctx context.Context, i job.Instruction, into string) error { return fetch(ctx, i, work, into) },
			}, cmd.OutOrStdout())
		},
	}
	run.Flags().StringVar(&instruction, "instruction", job.InstructionFile, "file that says what to build")
	run.Flags().StringVar(&work, "work", job.WorkFolder, "empty folder to work in")
	cmd.AddCommand(run, &cobra.Command{
		Use: "install PATH", Short: "Copy this program to a path", Args: atMostOneArg("the path"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("install takes the path to copy to")}
			}
			return job.Install(args[0])
		},
	})
	return cmd
}

// accountOf connects as the build does: with the credentials that came with the
// instruction, else with the identity of the Pod.
func accountOf(ctx context.Context, i job.Instruction) (*account.Account, error) {
	for name, value := range i.Variables {
		if strings.HasPrefix(name, "AWS_") {
			if err := os.Setenv(name, value); err != nil {
				return nil, err
			}
		}
	}
	return account.Connect(ctx, account.Place{Region: i.About.Region})
}

// fetch brings the commit and writes what of it the build may see.
func fetch(ctx context.Context, i job.Instruction, work, into string) error {
	mirror, err := git.Open(ctx, filepath.Join(work, "mirror"))
	if err != nil {
		return err
	}
	defer mirror.Close()
	source := git.Source{URL: i.Repository, Username: i.Username, Password: i.Password}
	if _, err := mirror.Fetch(ctx, source, i.About.Branch); err != nil {
		return err
	}
	tree, err := mirror.Tree(ctx, i.Commit, "")
	if err != nil {
		return err
	}
	return tree.Export(ctx, mirror, into, append([]string{i.Path}, i.Reads...)...)
}
