// Flanneld and local-path-provisioner in one binary, since most of both is the same client of Kubernetes: the name it
// is called by (argv[0]) picks the program.
//
// Both are main packages upstream; scripts/build_components.py makes packages of them that have a Main.
package main

import (
	"os"
	"path/filepath"

	flanneld "github.com/flannel-io/flannel"
	provisioner "github.com/rancher/local-path-provisioner"
)

func main() {
	if filepath.Base(os.Args[0]) == "local-path-provisioner" {
		provisioner.Main()
		return
	}
	flanneld.Main()
}
