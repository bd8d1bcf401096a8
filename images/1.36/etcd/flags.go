package main

import "github.com/spf13/cobra"

// addFlags adds those of etcdutl that not every version has.
func addFlags(*cobra.Command) {}
