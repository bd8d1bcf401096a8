// A web server and its client in one static binary: what the end-to-end tests run in Pods.
//
//	app serve :8080     answers every request with the host's name, one log line each
//	app get URL         prints the body; fails on any other status than 200
//	app lookup NAME     prints the addresses of a name, one a line
//	app -p DIR …        makes a directory (what local-path-provisioner runs to make a volume)
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: app serve ADDRESS | get URL | lookup NAME | -p DIR"))
	}
	switch verb, what := os.Args[1], os.Args[2]; verb {
	case "serve":
		fail(serve(what))
	case "get":
		fail(get(what))
	case "lookup":
		fail(lookup(what))
	case "-p":
		fail(os.MkdirAll(what, 0o777))
	default:
		fail(fmt.Errorf("unknown verb %q", verb))
	}
}

func serve(address string) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	fmt.Println("serving as", name)
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		fmt.Fprintln(w, name)
	}))
}

func get(url string) error {
	answer, err := (&http.Client{Timeout: 3 * time.Second}).Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}

func lookup(name string) error {
	addresses, err := net.LookupHost(name)
	for _, address := range addresses {
		fmt.Println(address)
	}
	return err
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
