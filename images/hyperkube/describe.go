package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/endpoints/deprecation"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	componentversion "k8s.io/component-base/version"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver"
	aggregatorscheme "k8s.io/kube-aggregator/pkg/apiserver/scheme"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app/features"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/controlplane"
)

type gate struct {
	Stage    string   `json:"stage"`
	Default  bool     `json:"default"`
	Locked   bool     `json:"locked"`
	Requires []string `json:"requires,omitempty"`
}

type description struct {
	Flags  map[string]map[string]string `json:"flags"` // program, flag, type
	Gates  map[string]map[string]gate   `json:"gates"` // kubernetes or kubeadm, gate
	Served map[string][]string          `json:"served"`
	Off    map[string][]string          `json:"off"`  // served after --runtime-config
	Gone   map[string]map[string]string `json:"gone"` // the first minor without it
}

// describe prints what the programs in this binary accept, as JSON: a flag or a gate that is not in it stops them.
func describe() {
	found := description{
		Flags: map[string]map[string]string{
			"kube-apiserver":          flagsOf(apiserver.NewAPIServerCommand()),
			"kube-controller-manager": flagsOf(controllermanager.NewControllerManagerCommand()),
			"kube-scheduler":          flagsOf(scheduler.NewSchedulerCommand()),
			"kube-proxy":              flagsOf(proxy.NewProxyCommand()),
			"kubelet":                 kubeletFlags(),
		},
		Gates:  map[string]map[string]gate{"kubernetes": gates(), "kubeadm": kubeadmGates()},
		Served: map[string][]string{},
		Off:    map[string][]string{},
		Gone:   map[string]map[string]string{},
	}
	found.addKinds(legacyscheme.Scheme, controlplane.DefaultAPIResourceConfigSource())
	found.addKinds(apiextensions.Scheme, apiextensions.DefaultAPIResourceConfigSource())
	found.addKinds(aggregatorscheme.Scheme, aggregator.DefaultAPIResourceConfigSource())
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(found); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func flagsOf(command *cobra.Command) map[string]string {
	command.InitDefaultHelpFlag()
	return typesOf(command.Flags())
}

// The kubelet parses its flags itself and keeps them from cobra.
func kubeletFlags() map[string]string {
	set := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	kubelet.NewKubeletFlags().AddFlags(set)
	configuration, err := kubelet.NewKubeletConfiguration()
	if err != nil {
		panic(err)
	}
	kubelet.AddKubeletConfigFlags(set, configuration)
	kubelet.AddGlobalFlags(set)
	set.BoolP("help", "h", false, "")
	return typesOf(set)
}

func typesOf(set *pflag.FlagSet) map[string]string {
	found := map[string]string{}
	set.VisitAll(func(flag *pflag.Flag) { found[flag.Name] = flag.Value.Type() })
	return found
}

func gates() map[string]gate {
	found := map[string]gate{}
	requires := utilfeature.DefaultMutableFeatureGate.Dependencies()
	for name, spec := range utilfeature.DefaultMutableFeatureGate.GetAll() {
		entry := gate{Stage: string(spec.PreRelease), Default: spec.Default, Locked: spec.LockToDefault}
		for _, other := range requires[name] {
			entry.Requires = append(entry.Requires, string(other))
		}
		found[string(name)] = entry
	}
	return found
}

func kubeadmGates() map[string]gate {
	found := map[string]gate{}
	for name, spec := range kubeadm.InitFeatureGates {
		found[name] = gate{Stage: string(spec.PreRelease), Default: spec.Default, Locked: spec.LockToDefault}
	}
	return found
}

// addKinds sorts a scheme's kinds into those served, those served on request, and those that older servers had.
func (found *description) addKinds(scheme *runtime.Scheme, config *serverstorage.ResourceConfig) {
	present := version.MustParse(componentversion.Get().GitVersion)
	for kind := range scheme.AllKnownTypes() {
		object, err := scheme.New(kind)
		if err != nil || kind.Version == runtime.APIVersionInternal || !isObject(object) {
			continue
		}
		group, enabled := kind.GroupVersion().String(), config.GroupVersionConfigs[kind.GroupVersion()]
		_, possible := config.GroupVersionConfigs[kind.GroupVersion()]
		removed := deprecation.RemovedRelease(object)
		switch {
		case removed != "" && present.AtLeast(version.MustParse(removed)):
			if found.Gone[group] == nil {
				found.Gone[group] = map[string]string{}
			}
			found.Gone[group][kind.Kind] = removed
		case enabled:
			found.Served[group] = append(found.Served[group], kind.Kind)
		case possible:
			found.Off[group] = append(found.Off[group], kind.Kind)
		}
	}
}

func isObject(object runtime.Object) bool {
	_, err := meta.Accessor(object)
	return err == nil && !meta.IsListType(object)
}
