// Etcd, etcdctl and etcdutl in one binary: the name it is called by (argv[0]) picks the program.
//
// Each case does what the upstream main of that program does, and nothing else.
package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/etcdctl/v3/ctlv3"
	"go.etcd.io/etcd/etcdutl/v3/etcdutl"
	"go.etcd.io/etcd/pkg/v3/cobrautl"
	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	switch filepath.Base(os.Args[0]) {
	case "etcdctl":
		ctlv3.MustStart()
	case "etcdutl":
		if err := utl().Execute(); err != nil {
			cobrautl.ExitWithError(cobrautl.ExitError, err)
		}
	default:
		etcdmain.Main(os.Args)
	}
}

// Upstream has this command in its main package, where nobody else can use it.
func utl() *cobra.Command {
	formats := []string{"fields", "json", "protobuf", "simple", "table"}
	cobra.EnablePrefixMatching = true
	root := &cobra.Command{Use: "etcdutl", Short: "Works on the files of an etcd that does not run."}
	root.SetHelpTemplate("{{.UsageString}}")
	root.PersistentFlags().StringVarP(&etcdutl.OutputFormat, "write-out", "w", "simple", "output format (fields, json, protobuf, simple, table)")
	root.RegisterFlagCompletionFunc("write-out", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { //nolint:errcheck // as upstream
		return formats, cobra.ShellCompDirectiveDefault
	})
	addFlags(root)
	root.AddCommand(
		etcdutl.NewDefragCommand(),
		etcdutl.NewSnapshotCommand(),
		etcdutl.NewHashKVCommand(),
		etcdutl.NewVersionCommand(),
		etcdutl.NewCompletionCommand(),
		etcdutl.NewMigrateCommand(),
	)
	return root
}
