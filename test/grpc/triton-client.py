"""Talks to a service with Triton's own Python client over gRPC, unchanged, and prints what it saw as JSON.

Usage: triton-client.py HOST:PORT, with the models copy (FP32), longs (INT64), words (BYTES) and halves (FP16).
"""

import asyncio
import json
import queue
import sys

import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException


def value_of(array, datatype="FP32"):
    value = triton.InferInput("x", list(array.shape), datatype)
    value.set_data_from_numpy(array)
    return value


def infer(client, model, array, datatype, **options):
    return client.infer(
        model, [value_of(array, datatype)], outputs=[triton.InferRequestedOutput("y")], **options
    )


def main(url):
    seen = {}
    client = triton.InferenceServerClient(url)
    seen["live"] = client.is_server_live()
    seen["ready"] = client.is_server_ready()
    seen["model_ready"] = client.is_model_ready("copy")
    seen["model_absent"] = client.is_model_ready("nobody")
    seen["server"] = client.get_server_metadata().name
    seen["metadata"] = client.get_model_metadata("copy", "1", as_json=True)["inputs"]
    seen["config"] = client.get_model_config("copy", as_json=True)["config"]["input"]

    floats = np.arange(12, dtype=np.float32).reshape(3, 4)
    answer = infer(client, "copy", floats, "FP32", request_id="mine", headers={"x-request-id": "ours"})
    assert np.array_equal(answer.as_numpy("y"), floats)
    assert answer.get_response().id == "mine"
    large = np.arange(300_000, dtype=np.float32).reshape(1, -1)
    for algorithm in (None, "gzip", "deflate"):
        assert np.array_equal(infer(client, "copy", large, "FP32", compression_algorithm=algorithm).as_numpy("y"), large)
    longs = np.array([[2**53 + 1, -(2**63)]], dtype=np.int64)
    assert np.array_equal(infer(client, "longs", longs, "INT64").as_numpy("y"), longs)
    words = np.array([["", "žlutý kůň".encode(), b"x" * 300]], dtype=np.object_)
    came = infer(client, "words", words, "BYTES").as_numpy("y")[0]
    assert [each.decode() for each in came] == [each if isinstance(each, str) else each.decode() for each in words[0]]
    halves = np.array([[1.5, -0.25, np.inf]], dtype=np.float16)
    assert np.array_equal(infer(client, "halves", halves, "FP16").as_numpy("y"), halves)

    answers = queue.Queue()
    for _ in range(20):
        client.async_infer("copy", [value_of(floats)], callback=lambda result, error: answers.put((result, error)))
    seen["concurrent"] = sum(np.array_equal(answers.get()[0].as_numpy("y"), floats) for _ in range(20))
    whole = infer(client, "copy", floats, "FP32", priority=1, timeout=5_000_000, client_timeout=30)
    seen["with_timeout"] = list(whole.as_numpy("y").shape)

    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for index in range(20):
        client.async_stream_infer("copy", [value_of(floats + index)], request_id=str(index))
    client.async_stream_infer("nobody", [value_of(floats)], request_id="20")
    streamed = [answers.get() for _ in range(21)]
    client.stop_stream()
    seen["streamed"] = sum(
        result.get_response().id == str(index) and np.array_equal(result.as_numpy("y"), floats + index)
        for index, (result, _) in enumerate(streamed[:20])
    )
    seen["stream_error"] = "nobody" in str(streamed[20][1])

    seen["statistics"] = int(client.get_inference_statistics("copy", as_json=True)["model_stats"][0]["inference_count"])
    seen["all_statistics"] = len(client.get_inference_statistics().model_stats)
    seen["index"] = sorted(model.name for model in client.get_model_repository_index().models)
    client.unload_model("halves")
    seen["unloaded"] = client.is_model_ready("halves")
    client.load_model("halves", config='{"max_batch_size": 4}')
    seen["loaded"] = client.is_model_ready("halves")
    seen["trace"] = list(client.update_trace_settings(settings={"trace_rate": "7"}).settings["trace_rate"].value)
    seen["trace_cleared"] = list(client.update_trace_settings(settings={"trace_rate": None}).settings["trace_rate"].value)
    seen["log"] = client.get_log_settings().settings["log_error"].bool_param
    seen["log_changed"] = client.update_log_settings({"log_verbose_level": 0}).settings["log_verbose_level"].uint32_param
    try:
        infer(client, "copy", floats.astype(np.float64), "FP64")
        seen["error"] = None
    except InferenceServerException as error:
        seen["error"] = [error.status(), error.message()]
    client.close()
    seen["aio"] = asyncio.run(with_asyncio(url, floats))
    print(json.dumps(seen))


async def with_asyncio(url, floats):
    async with triton_aio.InferenceServerClient(url) as client:
        assert await client.is_server_ready()
        answers = await asyncio.gather(*[client.infer("copy", [value_of(floats)]) for _ in range(10)])

        async def requests():
            for index in range(10):
                yield {"model_name": "copy", "inputs": [value_of(floats)], "request_id": str(index)}

        streamed = 0
        async for result, error in client.stream_infer(requests()):
            assert error is None, error
            streamed += int(np.array_equal(result.as_numpy("y"), floats))
        return [sum(np.array_equal(answer.as_numpy("y"), floats) for answer in answers), streamed]


main(sys.argv[1])
