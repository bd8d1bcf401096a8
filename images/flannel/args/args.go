// Package args keeps the arguments of the other programs from flanneld, which reads the command line when its package
// is initialized, and ends with its own usage on what it does not know.
//
// Packages are initialized in the order of their import paths: this one's comes before those of the programs.
package args

import (
	"os"
	"path/filepath"
)

// Given are all of them.
var Given = os.Args

func init() {
	if filepath.Base(os.Args[0]) != "flanneld" {
		os.Args = os.Args[:1]
	}
}
