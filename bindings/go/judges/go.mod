module github.com/pointmill/pointmill/bindings/go/judges

go 1.26.0

require (
	github.com/BurntSushi/toml v1.6.0
	github.com/DataDog/agent-payload/v5 v5.0.215
	github.com/DataDog/opentelemetry-mapping-go/pkg/quantile v0.20.0
	github.com/DataDog/sketches-go v1.4.7
	github.com/pointmill/pointmill/bindings/go v0.0.0
	google.golang.org/protobuf v1.36.11
)

require (
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
)

replace github.com/pointmill/pointmill/bindings/go => ../
