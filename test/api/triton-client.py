"""Talks to a service with Triton's own Python client, unchanged, and prints what it saw as JSON.

Usage: triton-client.py HOST:PORT, with the models copy (FP32), longs (INT64), words (BYTES) and halves (FP16).
"""

import asyncio
import json
import sys

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException


def infer(client, model, array, datatype, binary_in=True, binary_out=True, **options):
    value = triton.InferInput("x", list(array.shape), datatype)
    value.set_data_from_numpy(array, binary_data=binary_in)
    wanted = triton.InferRequestedOutput("y", binary_data=binary_out)
    return client.infer(model, [value], outputs=[wanted], **options)


def main(url):
    seen = {}
    client = triton.InferenceServerClient(url, concurrency=4)
    seen["live"] = client.is_server_live()
    seen["ready"] = client.is_server_ready()
    seen["model_ready"] = client.is_model_ready("copy")
    seen["model_absent"] = client.is_model_ready("nobody")
    seen["server"] = client.get_server_metadata()["name"]
    seen["metadata"] = client.get_model_metadata("copy", "1")["inputs"]
    seen["config"] = client.get_model_config("copy")["input"]

    floats = np.arange(12, dtype=np.float32).reshape(3, 4)
    for binary_in in (True, False):
        for binary_out in (True, False):
            answer = infer(client, "copy", floats, "FP32", binary_in, binary_out, request_id="mine")
            assert np.array_equal(answer.as_numpy("y"), floats)
            assert answer.get_response()["id"] == "mine"
    for algorithm in ("gzip", "deflate"):
        large = np.zeros((1, 5000), dtype=np.float32)
        answer = infer(
            client,
            "copy",
            large,
            "FP32",
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        assert np.array_equal(answer.as_numpy("y"), large)
    longs = np.array([[2**53 + 1, -(2**63)]], dtype=np.int64)
    for binary in (True, False):
        assert np.array_equal(infer(client, "longs", longs, "INT64", binary, binary).as_numpy("y"), longs)
    words = np.array([["", "žlutý kůň".encode(), b"x" * 300]], dtype=np.object_)
    # In JSON the client gives text back, in binary bytes.
    as_text = [each if isinstance(each, str) else each.decode() for each in words[0]]
    for binary in (True, False):
        came = infer(client, "words", words, "BYTES", binary, binary).as_numpy("y")[0]
        assert [each if isinstance(each, str) else each.decode() for each in came] == as_text
    halves = np.array([[1.5, -0.25, np.inf]], dtype=np.float16)
    assert np.array_equal(infer(client, "halves", halves, "FP16").as_numpy("y"), halves)

    several = [client.async_infer("copy", [with_data(floats)]) for _ in range(20)]
    seen["concurrent"] = sum(np.array_equal(each.get_result().as_numpy("y"), floats) for each in several)
    whole = infer(client, "copy", floats, "FP32", priority=1, timeout=5_000_000)
    seen["with_timeout"] = list(whole.as_numpy("y").shape)

    seen["statistics"] = client.get_inference_statistics("copy")["model_stats"][0]["inference_count"]
    seen["all_statistics"] = len(client.get_inference_statistics()["model_stats"])
    seen["index"] = sorted(model["name"] for model in client.get_model_repository_index())
    client.unload_model("halves")
    seen["unloaded"] = client.is_model_ready("halves")
    client.load_model("halves")
    seen["loaded"] = client.is_model_ready("halves")
    seen["trace"] = client.update_trace_settings(settings={"trace_rate": "7"})["trace_rate"]
    seen["trace_cleared"] = client.update_trace_settings(settings={"trace_rate": None})["trace_rate"]
    seen["log"] = client.get_log_settings()["log_error"]
    seen["log_changed"] = client.update_log_settings({"log_verbose_level": 0})["log_verbose_level"]
    try:
        infer(client, "copy", floats.astype(np.float64), "FP64")
        seen["error"] = None
    except InferenceServerException as error:
        seen["error"] = [error.status(), error.message()]
    client.close()
    seen["aio"] = asyncio.run(with_asyncio(url, floats))
    print(json.dumps(seen))


def with_data(array):
    value = triton.InferInput("x", list(array.shape), "FP32")
    value.set_data_from_numpy(array)
    return value


async def with_asyncio(url, floats):
    async with triton_aio.InferenceServerClient(url) as client:
        answers = await asyncio.gather(*[client.infer("copy", [with_data(floats)]) for _ in range(10)])
        return sum(np.array_equal(answer.as_numpy("y"), floats) for answer in answers)


main(sys.argv[1])
