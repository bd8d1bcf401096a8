// Flanneld, local-path-provisioner and MetalLB in one binary, since most of each is the same client of Kubernetes: the
// name it is called by (argv[0]) picks the program.
//
// All are main packages upstream; scripts/build_components.py makes packages of them that have a Main.
package main

import (
	"os"
	"path/filepath"

	"bootstrap.local/images/flannel/args"
	flanneld "github.com/flannel-io/flannel"
	provisioner "github.com/rancher/local-path-provisioner"
	controller "go.universe.tf/metallb/controller"
	speaker "go.universe.tf/metallb/speaker"
)

func main() {
	os.Args = args.Given
	switch filepath.Base(os.Args[0]) {
	case "local-path-provisioner":
		provisioner.Main()
	case "metallb-controller":
		controller.Main()
	case "metallb-speaker":
		speaker.Main()
	default:
		flanneld.Main()
	}
}
