"""LitServe, with its documented batching, answering the Open Inference Protocol's JSON for the perceptron."""
import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import litserve as ls
import numpy as np
import onnxruntime as ort

PORT, MODEL = int(sys.argv[1]), sys.argv[2]


class Perceptron(ls.LitAPI):
    def setup(self, device):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])

    def decode_request(self, request):
        return np.asarray(request["inputs"][0]["data"], dtype=np.float32)

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, x):
        return self.session.run(None, {"x": x})[0]

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 10], "data": output.tolist()}]}


if __name__ == "__main__":
    server = ls.LitServer(Perceptron(max_batch_size=32, batch_timeout=0.001), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=PORT, log_level="warning", generate_client_file=False)
