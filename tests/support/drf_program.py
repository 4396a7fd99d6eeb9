"""The payment service of `drf_service`, as a program: `python -m support.drf_program FOLDER PORT`, in the folder tests.

It prints its port, and ends when its standard input does.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.drf_oauth import Clients, Consumers
from support.drf_service import PAGE_SIZE, USER


def settings(folder: str) -> None:
    from django.conf import settings

    settings.configure(
        DEBUG=False,
        SECRET_KEY="of no use",
        ALLOWED_HOSTS=["127.0.0.1"],
        USE_TZ=True,
        TIME_ZONE="UTC",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": f"{folder}/payments.sqlite",
                "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE"},
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
        MIDDLEWARE=[
            "__main__.faults",
            "django.middleware.gzip.GZipMiddleware",
            "django.middleware.http.ConditionalGetMiddleware",
        ],
        ROOT_URLCONF="__main__",
        LOGGING_CONFIG=None,
        REST_FRAMEWORK={"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]},
    )


class Books:
    """What the service is to do wrong, and what it was asked."""

    lock = threading.Lock()
    status = 0
    times = 0
    headers: dict[str, str] = {}  # noqa: RUF012 - there is only one
    asked: list[str] = []  # noqa: RUF012

    @classmethod
    def fault(cls) -> tuple[int, dict[str, str]] | None:
        with cls.lock:
            if cls.times <= 0:
                return None
            cls.times -= 1
            return cls.status, cls.headers


def faults(get_response: Any) -> Any:
    """Django's middleware: fails as it is told to, and writes down what was asked."""
    from django.http import HttpResponse, StreamingHttpResponse

    def middleware(request: Any) -> Any:
        if request.path == "/control/":
            return get_response(request)
        fault = Books.fault()
        if fault is None:
            response = get_response(request)
        elif fault[0]:
            headers = {name.replace("_", "-").title(): value for name, value in fault[1].items()}
            response = HttpResponse("out of order", status=fault[0], headers=headers)
        else:
            response = get_response(request)
            half = response.content[: len(response.content) // 2]
            response = StreamingHttpResponse([half], headers={**response.headers, "Content-Length": ""})
            del response["Content-Length"]
        with Books.lock:
            Books.asked.append(f"{request.method} {request.get_full_path()} {response.status_code}")
        return response

    return middleware


def build() -> list[Any]:
    """The model, the views, and where they are."""
    from django.contrib.auth.models import User
    from django.db import connection, models, transaction
    from django.http import HttpResponse, JsonResponse
    from django.urls import path
    from django.utils.dateparse import parse_date, parse_datetime
    from oauthlib.oauth1 import SignatureOnlyEndpoint
    from oauthlib.oauth2 import BackendApplicationServer
    from rest_framework import generics, pagination, permissions, serializers
    from rest_framework.authentication import BasicAuthentication
    from rest_framework.response import Response

    class Transaction(models.Model):
        id = models.UUIDField(primary_key=True)
        created = models.DateTimeField(db_index=True)
        app = models.TextField()
        amount = models.DecimalField(max_digits=12, decimal_places=2)
        currency = models.CharField(max_length=3)

        class Meta:
            app_label = "payments"

    if Transaction._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Transaction)

    class TransactionSerializer(serializers.ModelSerializer):
        class Meta:
            model = Transaction
            fields = ("id", "created", "app", "amount", "currency")

    def instant(text: str) -> dt.datetime:
        found = parse_datetime(text) if "T" in text else None
        if found is None:
            found = dt.datetime.combine(parse_date(text), dt.time(), dt.UTC)
        return found

    def between(asked: Any) -> Any:
        rows = Transaction.objects.order_by("created", "id")
        if "day" in asked:
            start = instant(asked["day"])
            return rows.filter(created__gte=start, created__lt=start + dt.timedelta(days=1))
        if "created_after" in asked:
            rows = rows.filter(created__gte=instant(asked["created_after"]))
        if "created_before" in asked:
            rows = rows.filter(created__lt=instant(asked["created_before"]))
        return rows

    class Numbered(pagination.PageNumberPagination):
        page_size = PAGE_SIZE
        page_size_query_param = "page_size"
        max_page_size = 1000

    class Offset(pagination.LimitOffsetPagination):
        default_limit = PAGE_SIZE

    class Cursor(pagination.CursorPagination):
        page_size = PAGE_SIZE
        page_size_query_param = "page_size"
        ordering = ("created", "id")

    class Opaque(Cursor):
        """As services do that give no URL: what the next request must have is a field of the answer."""

        def get_paginated_response(self, data: Any) -> Any:
            query = parse_qs(urlsplit(self.get_next_link() or "").query)
            cursor = query.get(self.cursor_query_param, [None])[0]
            return Response({"results": data, "has_more": cursor is not None, "meta": {"next_cursor": cursor}})

    class Open(generics.ListAPIView):
        serializer_class = TransactionSerializer
        pagination_class = Numbered
        permission_classes: tuple[Any, ...] = ()
        authentication_classes: tuple[Any, ...] = ()

        def get_queryset(self) -> Any:
            return between(self.request.query_params)

        def post(self, request: Any) -> Any:
            """The body, of JSON or a form, has what is in the query otherwise."""
            asked = request.data.dict() if hasattr(request.data, "dict") else dict(request.data)
            query = request._request.GET.copy()
            query.update({**asked, **asked.pop("paging", {})})
            request._request.GET = query
            return self.list(request)

    class OfUser(BasicAuthentication):
        def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
            from rest_framework.exceptions import AuthenticationFailed

            if (userid, password) != USER:
                raise AuthenticationFailed("Invalid username/password.")
            return User(username=userid), None

    class Guarded(Open):
        authentication_classes = (OfUser,)
        permission_classes = (permissions.IsAuthenticated,)

        def delete(self, request: Any) -> Any:
            gone, _ = between({"day": request.query_params["day"]}).delete()
            return Response(status=204 if gone else 404)

    signed = SignatureOnlyEndpoint(Consumers())
    clients = Clients()
    server = BackendApplicationServer(clients)

    def headers(request: Any) -> dict[str, str]:
        return {**request.headers, "HTTP_AUTHORIZATION": request.headers.get("Authorization", "")}

    def oauth1(request: Any) -> Any:
        url, given = request.build_absolute_uri(), dict(request.headers)
        valid, _ = signed.validate_request(url, request.method, request.body.decode(), given)
        if not valid:
            return HttpResponse(f"bad signature: {request.headers.get('Authorization')}", status=401)
        return Open.as_view()(request)

    def oauth2(request: Any) -> Any:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or token not in clients.tokens:
            return HttpResponse(f"bad token: {request.headers.get('Authorization')}", status=401)
        return Open.as_view()(request)

    def token(request: Any) -> Any:
        given, body, status = server.create_token_response(
            request.build_absolute_uri(), request.method, request.body.decode(), headers(request)
        )
        return HttpResponse(body, status=status, headers=given)

    def control(request: Any) -> Any:
        told = json.loads(request.body)
        if "rows" in told:
            with transaction.atomic():
                between({"day": told["day"]}).delete()
                Transaction.objects.bulk_create(
                    Transaction(**{**row, "created": instant(row["created"])}) for row in told["rows"]
                )
        if "withdraw" in told:
            clients.tokens.clear()
        with Books.lock:
            if "fail" in told:
                Books.status, Books.times, Books.headers = told["fail"], told["times"], told.get("headers", {})
            asked, Books.asked = Books.asked, ([] if "asked" in told else Books.asked)
        return JsonResponse({"asked": asked})

    return [
        path("page/transactions/", Open.as_view()),
        path("offset/transactions/", Open.as_view(pagination_class=Offset)),
        path("cursor/transactions/", Open.as_view(pagination_class=Cursor)),
        path("opaque/transactions/", Open.as_view(pagination_class=Opaque)),
        path("basic/transactions/", Guarded.as_view()),
        path("oauth1/transactions/", oauth1),
        path("oauth2/transactions/", oauth2),
        path("oauth2/token/", token),
        path("control/", control),
    ]


urlpatterns: list[Any] = []


def serve(folder: str, port: int) -> None:
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    settings(folder)
    import django
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    django.setup()
    urlpatterns.extend(build())
    server = ThreadedWSGIServer(("127.0.0.1", port), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
