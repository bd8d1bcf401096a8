// Containerd and ctr in one binary: the name it is called by (argv[0]) picks the program.
//
// Each case does what the upstream main of that program does, and nothing else.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins"
	"github.com/containerd/containerd/v2/cmd/containerd/command"
	"github.com/containerd/containerd/v2/cmd/ctr/app"
)

func main() {
	name, program := "containerd", command.App()
	if filepath.Base(os.Args[0]) == "ctr" {
		name, program = "ctr", app.New()
	}
	if err := program.Run(context.Background(), os.Args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
