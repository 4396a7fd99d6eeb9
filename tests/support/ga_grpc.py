"""The emulator of the Google Analytics Data API through gRPC: the same answers in Google's other transport."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc
from google.analytics.data_v1beta import types
from google.protobuf.json_format import MessageToDict, Parse

from support.ga_emulator import Asked, Emulator

SERVICE = "google.analytics.data.v1beta.BetaAnalyticsData"
METHODS = {
    "RunReport": ("runReport", types.RunReportRequest, types.RunReportResponse),
    "GetMetadata": ("metadata", types.GetMetadataRequest, types.Metadata),
    "CheckCompatibility": ("checkCompatibility", types.CheckCompatibilityRequest, types.CheckCompatibilityResponse),
}
STATUSES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}


class GrpcEmulator:
    """A gRPC server before an emulator; use it as a context manager."""

    def __init__(self, google: Emulator) -> None:
        self._google = google
        self._server = grpc.server(ThreadPoolExecutor(16))
        handlers = {name: self._handler(*about) for name, about in METHODS.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(None).wait()

    def _handler(self, method: str, request: Any, response: Any) -> grpc.RpcMethodHandler:
        def answer(asked: Any, context: grpc.ServicerContext) -> Any:
            body = MessageToDict(request.pb(asked))
            number = (body.pop("property", "") or body.pop("name", "")).split("/")[1]
            found = self._google.answer(Asked(method, number, body))
            if found.status != 200:
                code = getattr(grpc.StatusCode, STATUSES.get(found.status, "UNAVAILABLE"))
                context.abort(code, found.body["error"]["message"])
            made = response()
            Parse(found.content, response.pb(made), ignore_unknown_fields=True)
            return made

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=request.deserialize, response_serializer=response.serialize
        )
