//go:build tools

// Package toxiproxy pins the fault proxy of the tests: go.mod says which version, go.sum what every module must hash to.
package toxiproxy

import _ "github.com/Shopify/toxiproxy/v2/cmd/server"
