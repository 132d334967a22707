"""`backstory doctor`: every part, and whether it is well."""

import argparse
import json
import sys
from dataclasses import asdict

from api.doctor import ROLES, examine
from api.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory doctor` takes."""
    parser.add_argument(
        "--role",
        choices=sorted(ROLES),
        help="only whether this role does its work: a quick look, for health checks",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print what was found; 1 when something is wrong."""
    findings = list(examine(settings, args.role))
    well = all(finding.ok for finding in findings)
    if args.json:
        parts = [
            {key: value for key, value in asdict(finding).items() if key != "measured"} | finding.measured
            for finding in findings
        ]
        sys.stdout.write(json.dumps({"ok": well, "parts": parts}) + "\n")
    else:
        width = max(len(finding.part) for finding in findings)
        for finding in findings:
            verdict = "ok   " if finding.ok else "WRONG"
            sys.stdout.write(f"{verdict}  {finding.part:{width}}  {finding.says}\n")
    return 0 if well else 1
