"""The client: one connection to one server."""

from __future__ import annotations

import dataclasses
import http.client
import json
import pathlib
import urllib.parse
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

import pyarrow as pa

from martlet import frames
from martlet.errors import MartletError, error_of
from martlet.frames import AnyFrame, Frame

_PARQUET = "application/vnd.apache.parquet"
_JSON = "application/json"
_ARROW = "application/vnd.apache.arrow.stream"


@dataclasses.dataclass(frozen=True)
class Change:
    """What a plan would do to one definition."""

    kind: str
    name: str
    action: str
    fields: tuple[str, ...]
    downstream: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What applying would change; `str(plan)` is what `martlet plan` prints."""

    base_revision: int
    changes: tuple[Change, ...]
    text: str

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.changes)


@dataclasses.dataclass(frozen=True)
class Apply:
    """What applying did; `is_new` is false where nothing changed or the request was a repetition."""

    revision: int
    is_new: bool
    plan: Plan


@dataclasses.dataclass(frozen=True)
class Push:
    """What became of pushed rows: `accepted` ones count from now on; `misfits` are among the dead letters,
    `quarantined` ones, which failed a check, in the source's quarantine, both with the reason; `duplicates` were there
    before."""

    source: str
    batch: str
    is_repeat: bool
    rows: int
    accepted: int
    duplicates: int
    misfits: int
    quarantined: int


@dataclasses.dataclass(frozen=True)
class DatasetColumn:
    """A column of a recorded training set. `feature` is `view:feature`, None for a column of the labels; `hash` is that
    of its values; `mean`, `min` and `max` are over the values that are there and no NaN, None for texts."""

    name: str
    type: str
    hash: str
    nulls: int
    feature: str | None = None
    mean: float | None = None
    min: float | None = None
    max: float | None = None


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A recorded training set: what it was made from, and the hash of its values, whatever file they lie in.

    `label_digest` is the SHA-256 of the file of labels, None where they were a table.
    """

    id: int
    service: str
    rows: int
    hash: str
    revision: int
    created_at: str
    created_by: str
    options: dict[str, str]
    tables: dict[str, int]
    definitions: dict[str, int]
    columns: tuple[DatasetColumn, ...]
    label_digest: str | None = None


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Features of entities as they were served.

    `table` has the join keys, then `view:feature` and `view:feature:status` for each feature (a status is a small
    number; `statuses` names them), `view:age` in seconds for each view, and `snapshot` where rows were
    asked for theirs.
    The metadata of a feature's field has the `version` of its definition. `snapshot` is what
    `martlet explain --snapshot` takes; `stale` says that the store was away, `partial` that some views are left out.
    """

    table: pa.Table
    snapshot: str
    served_at: str
    revision: int
    stale: bool
    partial: bool

    statuses = ("PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE", "DEADLINE_EXCEEDED", "STORE_UNAVAILABLE")

    def status(self, feature: str) -> list[str]:
        """The statuses of `view:feature`, row by row."""
        return [self.statuses[code] for code in self.table.column(f"{feature}:status").to_pylist()]


class Datasets:
    """The training sets of a workspace."""

    def __init__(self, client: Martlet):
        self._client = client

    def list(self, service: str | None = None, limit: int = 100) -> list[Dataset]:
        """The newest first."""
        query: dict[str, str] = {"limit": str(limit)}
        if service is not None:
            query["service"] = service
        found = self._client._json("GET", "/v1/datasets", query)
        return [_dataset(item) for item in found]

    def show(self, id: int) -> Dataset:
        return _dataset(self._client._json("GET", f"/v1/datasets/{id}"))

    def rows(self, id: int) -> pa.Table:
        """The rows of a set that was built through `training_set`."""
        _, _, body = self._client._request("GET", f"/v1/datasets/{id}/rows")
        return frames.from_parquet(body)


class Martlet:
    """A client of one server. Not for use from two threads at once; make one for each.

    `timeout` is in seconds and counts for each request.
    """

    def __init__(self, url: str = "http://127.0.0.1:6566", *, timeout: float = 600):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise MartletError("usage", f"{url} is no address of a server", "such as http://127.0.0.1:6566")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._url = url.rstrip("/")
        self._prefix = parts.path.rstrip("/")
        self._connection = make(parts.hostname, parts.port, timeout=timeout)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Martlet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def training_set(
        self, labels: Frame, *, service: str, as_known: bool = False, full_names: bool = False,
        time_column: str = "event_timestamp", allow_leakage: Sequence[str] = (), idempotency_key: str | None = None,
    ) -> Frame:
        """The labels, row by row as they were given, with the features of the service at their right, each as of the
        label's own time.

        `as_known` counts only events that had arrived at the label's time; `full_names` names columns
        `view__feature`; `allow_leakage` names columns of features that are built although their values know what comes
        after the label. The set is recorded; see `datasets`. A call with an `idempotency_key` that was used before
        gives what that one made.
        """
        if isinstance(allow_leakage, str):
            raise MartletError(
                "usage", "allow_leakage is a list of columns", f'allow_leakage=["{allow_leakage}"]')
        table = frames.to_table(labels)
        query = {"service": service, "time_column": time_column}
        query |= {name: "true" for name, on in (("as_known", as_known), ("full_names", full_names)) if on}
        if allow_leakage:
            query["allow_leakage"] = ",".join(allow_leakage)
        _, _, body = self._request(
            "POST", "/v1/training-sets", query, frames.to_parquet(table), _PARQUET, idempotency_key or _new_key())
        answer = frames.from_parquet(body)
        if answer.num_rows != table.num_rows:
            raise MartletError("internal", f"{table.num_rows} labels gave {answer.num_rows} rows")
        names = [name for name in answer.column_names if name not in set(table.column_names)]
        return frames.with_columns(labels, answer, names)

    @overload
    def get_online(
        self, features: str | Sequence[str], entities: Mapping[str, Iterable[Any]], *, full_names: bool = ...
    ) -> dict[str, list[Any]]: ...
    @overload
    def get_online(self, features: str | Sequence[str], entities: Frame, *, full_names: bool = ...) -> Frame: ...

    def get_online(
        self, features: str | Sequence[str], entities: Any, *, full_names: bool = False
    ) -> Any:
        """Features as they are now. `features` is the name of a service or a list of `view:feature`; `entities` holds a
        column of values for each join key, and for each value that derived features take from the request, as a
        dictionary of lists or as a frame. What comes back is of the same kind: the entities with their features beside
        them; a feature without a value is None."""
        is_frame = not isinstance(entities, Mapping)
        columns = frames.to_table(entities).to_pydict() if is_frame else {k: list(v) for k, v in entities.items()}
        body: dict[str, Any] = {"entities": columns, "full_feature_names": full_names}
        body |= {"feature_service": features} if isinstance(features, str) else {"features": list(features)}
        answer = self._json("POST", "/get-online-features", None, body)
        names = answer["metadata"]["feature_names"]
        found = {
            name: _numbers(result["values"])
            for name, result in zip(names, answer["results"]) if name not in columns
        }
        if not is_frame:
            return columns | found
        return frames.with_columns(entities, pa.table(found), list(found))

    def vectors(
        self, services: str | Sequence[str], entities: Any, *, features: Sequence[str] = (),
        deadline_ms: int | None = None, row_snapshots: bool = False,
    ) -> Vectors:
        """Features of one or several services, and single ones as `view:feature`, as they are now, with statuses, ages,
        versions and a snapshot. `entities` is as for `get_online`. Views that have not answered after `deadline_ms` are
        left out; `row_snapshots` gives each row a snapshot of its own."""
        columns = {k: list(v) for k, v in entities.items()} if isinstance(entities, Mapping) else (
            frames.to_table(entities).to_pydict())
        body: dict[str, Any] = {
            "services": [services] if isinstance(services, str) else list(services), "features": list(features),
            "entities": columns, "row_snapshots": row_snapshots}
        if deadline_ms is not None:
            body["deadline_ms"] = deadline_ms
        sent = json.dumps(body, default=_jsonable).encode()
        _, _, answer = self._request("POST", "/v1/online", None, sent, accept=_ARROW)
        with pa.ipc.open_stream(answer) as stream:
            table = stream.read_all()
        notes = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
        return Vectors(
            table, notes["snapshot"], notes["served_at"], int(notes["revision"]), notes["stale"] == "true",
            notes["partial"] == "true")

    def push(self, source: str, rows: AnyFrame, *, idempotency_key: str | None = None) -> Push:
        """Ingests rows of a source. Rows that were sent before, by their bytes or by `idempotency_key`, add nothing."""
        body = frames.to_parquet(frames.to_table(rows))
        path = f"/v1/events/{urllib.parse.quote(source, safe='')}"
        found = self._json("POST", path, None, body, _PARQUET, idempotency_key)
        return Push(**{field.name: found[field.name] for field in dataclasses.fields(Push)})

    def plan(self, folder: str | pathlib.Path | None = None) -> Plan:
        """What the definitions in `folder` would change; None means those in the server's own repository."""
        return _plan(self._json("POST", "/v1/plan", None, _sent(folder)))

    def apply(
        self, folder: str | pathlib.Path | None = None, *, plan: Plan | None = None, idempotency_key: str | None = None
    ) -> Apply:
        """Makes the definitions in `folder` current, all or none. With the `plan` that was looked at, it is refused
        (`stale-plan`) where somebody else applied something since."""
        body = _sent(folder)
        if plan is not None:
            body["base_revision"] = plan.base_revision
        found = self._json("POST", "/v1/apply", None, body, _JSON, idempotency_key or _new_key())
        return Apply(found["revision"], found["is_new"], _plan(found["plan"]))

    def datasets(self) -> Datasets:
        """The recorded training sets: `datasets().list()`, `.show(id)`, `.rows(id)`."""
        return Datasets(self)

    def _json(
        self, method: str, path: str, query: dict[str, str] | None = None, body: dict[str, Any] | bytes | None = None,
        content_type: str = _JSON, idempotency_key: str | None = None,
    ) -> Any:
        sent = json.dumps(body, default=_jsonable).encode() if isinstance(body, dict) else body
        _, _, answer = self._request(method, path, query, sent, content_type, idempotency_key)
        return json.loads(answer)

    def _request(
        self, method: str, path: str, query: dict[str, str] | None = None, body: bytes | None = None,
        content_type: str = _JSON, idempotency_key: str | None = None, accept: str | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        target = self._prefix + path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {"Content-Type": content_type} if body is not None else {}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        if accept is not None:
            headers["Accept"] = accept
        for attempt in (1, 2):
            is_fresh = self._connection.sock is None
            try:
                self._connection.request(method, target, body, headers)
                response = self._connection.getresponse()
                answer = response.read()
                break
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                # A kept connection that was closed, whether before the request was read or after. Sent again it does
                # nothing twice: what changes the workspace has a key (of pushed rows, their bytes are one).
                if attempt == 1 and not is_fresh and isinstance(
                        error, (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)):
                    continue
                # A body that is too long is answered before it is sent; the answer may be lost on the way.
                fix = ("is the server running? martlet serve" if body is None or len(body) < 1 << 20 else
                       f"is the server running, and does it take {len(body):,} bytes at once (limits.transfer)?")
                raise MartletError("unreachable", f"no answer from {self._url}: {error}", fix) from error
        if response.status >= 400:
            raise error_of(response.status, answer)
        return response.status, response.headers, answer


def _new_key() -> str:
    """A key of one call: sent again, the call counts once."""
    return str(uuid.uuid4())


def _dataset(found: dict[str, Any]) -> Dataset:
    columns = tuple(
        DatasetColumn(**_members(DatasetColumn, column) | {
            name: _number(column[name]) for name in ("mean", "min", "max") if name in column})
        for column in found["columns"])
    return Dataset(**_members(Dataset, found) | {"columns": columns})


def _members(kind: type, found: dict[str, Any]) -> dict[str, Any]:
    """What a class has of an answer, to which later servers may add."""
    return {field.name: found[field.name] for field in dataclasses.fields(kind) if field.name in found}


def _plan(found: dict[str, Any]) -> Plan:
    changes = tuple(
        Change(item["kind"], item["name"], item["action"], tuple(item.get("fields", ())), tuple(item["downstream"]))
        for item in found["changes"])
    return Plan(found["base_revision"], changes, found["text"])


def _sent(folder: str | pathlib.Path | None) -> dict[str, Any]:
    """The definitions of a folder: its YAML and SQL files, hidden ones and martlet.yaml left out."""
    if folder is None:
        return {}
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise MartletError("not-found", f"there is no folder {root}")
    files = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden or path.suffix not in (".yaml", ".yml", ".sql") or not path.is_file() or str(name) == "martlet.yaml":
            continue
        files[name.as_posix()] = path.read_text(encoding="utf-8")
    return {"files": files}


_BEYOND_JSON = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def _numbers(values: list[Any]) -> list[Any]:
    """The values of a feature: JSON has no NaN and no infinity, so among numbers they come as text."""
    if not any(isinstance(value, float) for value in values):
        return values
    return [_number(value) for value in values]


def _number(value: Any) -> Any:
    return _BEYOND_JSON.get(value, value) if isinstance(value, str) else value


def _jsonable(value: Any) -> Any:
    """Scalars of NumPy, and times."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent")
