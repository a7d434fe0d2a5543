"""BentoML, with its documented adaptive batching, for the perceptron. Started by `bentoml serve bentoml_arm:Perceptron`."""
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import bentoml
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray


@bentoml.service(workers=1)
class Perceptron:
    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def predict(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.session.run(None, {"x": np.asarray(data, dtype=np.float32)})[0]
