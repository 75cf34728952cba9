// A Vault for tests: the core, the HTTP server and the PKI engine of Vault itself, with its storage in memory.
// Prints one line of JSON, {"address", "token"}, when it serves, and ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/logical/pki"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "where to serve")
	certificate := flag.String("cert", "", "PEM of the server's certificate")
	key := flag.String("key", "", "PEM of its key")
	flag.Parse()
	core, token := start()
	listener, err := net.Listen("tcp", *address)
	check(err)
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core})
	scheme := "http"
	if *certificate != "" {
		scheme = "https"
		go func() { check(http.ServeTLS(listener, handler, *certificate, *key)) }()
	} else {
		go func() { check(http.Serve(listener, handler)) }()
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"address": scheme + "://" + listener.Addr().String(),
		"token":   token,
	}))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// start makes a core with its storage in memory, unsealed. Returns its root token.
func start() (*vault.Core, string) {
	logger := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Warn})
	storage, err := inmem.NewInmem(nil, logger)
	check(err)
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:        storage,
		Logger:          logger,
		DisableMlock:    true,
		LogicalBackends: map[string]logical.Factory{"pki": pki.Factory},
		BuiltinRegistry: onlyPki{},
	})
	check(err)
	one := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}
	made, err := core.Initialize(context.Background(), &vault.InitParams{BarrierConfig: one, RecoveryConfig: one})
	check(err)
	for _, share := range made.SecretShares {
		_, err := core.Unseal(share)
		check(err)
	}
	return core, made.RootToken
}

// onlyPki tells the core of the one engine that is built in.
type onlyPki struct{}

func (onlyPki) Contains(name string, kind consts.PluginType) bool {
	return name == "pki" && kind == consts.PluginTypeSecrets
}

func (r onlyPki) Get(name string, kind consts.PluginType) (func() (interface{}, error), bool) {
	return func() (interface{}, error) { return logical.Factory(pki.Factory), nil }, r.Contains(name, kind)
}

func (r onlyPki) Keys(kind consts.PluginType) []string {
	if r.Contains("pki", kind) {
		return []string{"pki"}
	}
	return nil
}

func (r onlyPki) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
