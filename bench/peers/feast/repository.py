"""Lays out a Feast repository over the benchmark's Parquet files and applies it.

Usage: repository.py FOLDER DATA --online sqlite|redis --offline file|duckdb [--redis HOST:PORT]

DATA holds `history.parquet` or `online.parquet` (make_data.py); the views `user_history` (ttl 7 days) and `user_online`
(no ttl) have the same ten features.
"""

import argparse
import datetime
import pathlib

from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float32, Int64, String

FIELDS = (
    [Field(name=f"f{index}", dtype=Float32) for index in range(6)]
    + [Field(name=f"f{index}", dtype=Int64) for index in (6, 7)]
    + [Field(name=f"f{index}", dtype=String) for index in (8, 9)]
)


def settings(options: argparse.Namespace) -> str:
    online = {
        "sqlite": ["  type: sqlite", "  path: online.db"],
        "redis": ["  type: redis", f'  connection_string: "{options.redis}"'],
    }[options.online]
    lines = [
        "project: peer", "provider: local",
        # A refresh of the registry is not what is measured.
        "registry:", "  path: registry.db", "  cache_ttl_seconds: 3600",
        "online_store:", *online,
        "offline_store:", f"  type: {options.offline}",
        "entity_key_serialization_version: 3",
    ]
    return "\n".join(lines) + "\n"


def view(name: str, user: Entity, file: pathlib.Path, days: int, online: bool) -> FeatureView:
    return FeatureView(
        name=name, entities=[user], ttl=datetime.timedelta(days=days), schema=FIELDS, online=online,
        source=FileSource(
            name=file.stem, path=str(file), timestamp_field="event_timestamp", created_timestamp_column="created"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--online", choices=["sqlite", "redis"], default="sqlite")
    parser.add_argument("--offline", choices=["file", "duckdb"], default="file")
    parser.add_argument("--redis", default="")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "feature_store.yaml").write_text(settings(options))
    store = FeatureStore(repo_path=str(options.folder))
    data = options.data.resolve()
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    objects = [user]
    if (data / "history.parquet").exists():
        objects.append(view("user_history", user, data / "history.parquet", 7, online=False))
    if (data / "online.parquet").exists():
        online = view("user_online", user, data / "online.parquet", 0, online=True)
        objects += [online, FeatureService(name="service", features=[online])]
    store.apply(objects)


if __name__ == "__main__":
    main()
