"""What a case found, as bench/results/NAME.json and as a line of the table."""

import dataclasses
import json
import pathlib


@dataclasses.dataclass
class Result:
    case: str
    unit: str
    better: str  # "higher" or "lower"
    ours: float
    setup: str
    # Name to value in the same unit, measured in the same run.
    peers: dict[str, float] = dataclasses.field(default_factory=dict)
    # Name to reason, for peers that could not be measured here.
    absent: dict[str, str] = dataclasses.field(default_factory=dict)
    # What it must reach, in words, and whether it did.
    target: str = ""
    met: bool | None = None
    # Further figures worth keeping: run times, versions, memory.
    details: dict = dataclasses.field(default_factory=dict)

    @property
    def ratios(self) -> dict[str, float]:
        """Above 1 means that Martlet is better."""
        higher = self.better == "higher"
        return {
            name: round(self.ours / value if higher else value / self.ours, 3) for name, value in self.peers.items()
        }

    def write(self, folder: pathlib.Path, machine: dict) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "case": self.case, "unit": self.unit, "better": self.better, "ours": self.ours, "peers": self.peers,
            "ratios": self.ratios,
            "setup": {
                "what": self.setup, "target": self.target, "met": self.met, "absent": self.absent, "machine": machine,
                **self.details,
            },
        }
        (folder / f"{self.case}.json").write_text(json.dumps(document, indent=2) + "\n")


def number(value: float) -> str:
    if value >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:,.1f}"


def table(results: list[Result]) -> str:
    rows = [("case", "unit", "martlet", "peer", "", "ratio", "target", "met")]
    for result in results:
        met = {True: "yes", False: "NO", None: ""}[result.met]
        peers = list(result.peers.items()) or [("", None)]
        for index, (name, value) in enumerate(peers):
            head = (result.case, result.unit, number(result.ours)) if index == 0 else ("", "", "")
            tail = (result.target, met) if index == 0 else ("", "")
            middle = (name, number(value), f"{result.ratios[name]:.2f}") if value is not None else ("", "", "")
            rows.append((*head, *middle, *tail))
    widths = [max(len(row[column]) for row in rows) for column in range(8)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    for result in results:
        lines += [f"absent in {result.case}: {name} ({why})" for name, why in result.absent.items()]
    return "\n".join(lines)
