module vitrine/otel-collector/queue-reader

go 1.25.0

require (
	go.etcd.io/bbolt v1.5.0
	google.golang.org/protobuf v1.36.11
)

require golang.org/x/sys v0.46.0 // indirect
