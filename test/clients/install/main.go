// Command install puts the clients that test/clients runs into bin/clients. It is
// started at the top of a checkout, as `make clients` does; what is there already
// costs nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/drawbridge-gitops/drawbridge/test/clients"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := os.Getwd()
	if err == nil {
		err = errors.Join(clients.Node.Install(ctx, root, os.Stderr), clients.Python.Install(ctx, root, os.Stderr))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}
