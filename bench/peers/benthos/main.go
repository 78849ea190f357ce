// A lander of the field, for bench/: Benthos 4.27.0 (MIT) with what it takes to go from Kafka to Azure Blob Storage.
package main

import (
	"context"

	_ "github.com/benthosdev/benthos/v4/public/components/azure"
	_ "github.com/benthosdev/benthos/v4/public/components/kafka"
	_ "github.com/benthosdev/benthos/v4/public/components/pure"
	"github.com/benthosdev/benthos/v4/public/service"
)

func main() {
	service.RunCLI(context.Background())
}
