"""Starts the program under test; QED_BINARY and QED_MODEL say which."""

import json
import os
import subprocess
import sys
import tempfile

BINARY = os.environ.get("QED_BINARY", "build/qed")
MODEL = os.environ.get("QED_MODEL", "models/SmolLM2-135M-Instruct.Q4_1.gguf")
EXIT_SKIPPED = 77


def require_model():
    """Ends the test as skipped where the default model is not there."""
    if not os.path.exists(MODEL):
        skip(f"needs {MODEL} (scripts/get-model fetches it)")


def skip(reason):
    """Ends the test as skipped."""
    print(f"skipped: {reason}")
    sys.exit(EXIT_SKIPPED)


def temporary_folder(test):
    """The path of a folder that lives as long as the test."""
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return folder.name


def qed(*arguments, timeout=300, **options):
    """Runs qed to its end: the finished process with its output as text."""
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True,
                          errors="replace", timeout=timeout, check=False, **options)


def write_problems(path, problems):
    with open(path, "w", encoding="utf-8") as file:
        for problem in problems:
            file.write(json.dumps(problem) + "\n")


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
