// Command queue-reader prints, as JSON, how much waits in a queue of the Collector, and fails where the Collector would.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
	"google.golang.org/protobuf/encoding/protowire"
)

var version string

const lockedExitCode = 3

type queueState struct {
	Requests  uint64 `json:"requests"`
	Items     uint64 `json:"items"`
	SizeBytes uint64 `json:"sizeBytes"`
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(version)
		return
	}
	state, err := readQueue(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, bbolterrors.ErrTimeout) {
			os.Exit(lockedExitCode)
		}
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(state)
}

func readQueue(path string) (state queueState, err error) {
	options := &bbolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: time.Second}
	db, err := bbolt.Open(path, 0o600, options)
	if err != nil {
		return state, err
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		for damage := range tx.Check() {
			return damage
		}
		bucket := tx.Bucket([]byte("default"))
		if bucket == nil {
			return nil
		}
		state, err = decodeState(bucket.Get([]byte("qmv0")))
		return err
	})
	return state, err
}

// The state is PersistentMetadata of the Collector's exporterhelper: items_size = 1, bytes_size = 2, read_index = 3,
// write_index = 4, currently_dispatched_items = 5 (repeated), all of 8 bytes.
func decodeState(bytes []byte) (queueState, error) {
	var numbers [5]uint64
	var dispatched uint64
	for len(bytes) > 0 {
		field, kind, length := protowire.ConsumeTag(bytes)
		if length < 0 {
			return queueState{}, protowire.ParseError(length)
		}
		bytes = bytes[length:]
		switch {
		case field == 5 && kind == protowire.BytesType:
			packed, length := protowire.ConsumeBytes(bytes)
			if length < 0 {
				return queueState{}, protowire.ParseError(length)
			}
			dispatched += uint64(len(packed) / 8)
			bytes = bytes[length:]
		case kind == protowire.Fixed64Type:
			value, length := protowire.ConsumeFixed64(bytes)
			if length < 0 {
				return queueState{}, protowire.ParseError(length)
			}
			if field == 5 {
				dispatched++
			} else if field < 5 {
				numbers[field] = value
			}
			bytes = bytes[length:]
		default:
			return queueState{}, fmt.Errorf("its state has field %d in a form that this version does not know", field)
		}
	}
	return queueState{Requests: numbers[4] - numbers[3] + dispatched, Items: numbers[1], SizeBytes: numbers[2]}, nil
}
