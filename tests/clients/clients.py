"""Runs other people's clients against `qed serve` and prints what came of it.

A client is a program of its own under tests/clients (NAME_client.py), started with the
server's URL and the model's name; the last line of what it prints is its result. Exit code 77:
it cannot run here, and the line says why."""

import importlib.metadata
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from serve_run import Server  # noqa: E402

SKIPPED = 77
LIMIT = 1800  # seconds for one client
# Client, the package whose version is told, and the environment that it is in.
CLIENTS = [("openai", "openai", "main"), ("litellm", "litellm", "main"),
           ("langchain", "langchain-openai", "main"), ("guidellm", "guidellm", "main"),
           ("lm_eval", "lm-eval", "main"), ("nemo_skills", "NeMo-Skills", "nemo")]


def version(package):
    if package != "NeMo-Skills":
        return importlib.metadata.version(package)
    folder = os.environ.get("QED_NEMO_SKILLS")
    if not folder:
        return "-"
    return subprocess.run(["git", "-C", folder, "rev-parse", "--short", "HEAD"],
                          capture_output=True, text=True, check=False).stdout.strip() or "?"


def run(name, environment, server):
    python = pathlib.Path(os.environ["QED_CLIENTS_VENV"]).resolve() / environment / "bin/python"
    if not python.exists():
        return SKIPPED, "QED_NEMO_SKILLS does not name its checkout"
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
               "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_API_KEY": "none", "HF_HOME": folder, "PYTHONPATH": str(HERE)}
        result = subprocess.run([python, "-B", HERE / f"{name}_client.py", server.url, server.name],
                                cwd=folder, env=env, capture_output=True, text=True,
                                timeout=LIMIT, check=False)
    lines = result.stdout.strip().splitlines()
    if result.returncode not in (0, SKIPPED):
        sys.stderr.write(result.stdout + result.stderr)
        lines.append(f"failed (exit code {result.returncode})")
    return result.returncode, lines[-1] if lines else ""


def main(wanted):
    failed = False
    # As its users start it: with the default adapter, programs run for those who do not ask.
    with Server("--with-sandbox", "--tool-loop", "on", "--max-batch-size", "8", adapter="auto",
                kv_cache_bytes=256 << 20) as server:
        print("| client | version | result |\n| --- | --- | --- |", flush=True)
        for name, package, environment in CLIENTS:
            if wanted and name not in wanted:
                continue
            code, line = run(name, environment, server)
            mark = {0: "", SKIPPED: "skipped: "}.get(code, "**")
            failed = failed or code not in (0, SKIPPED)
            print(f"| {package} | {version(package)} | {mark}{line}{mark if mark == '**' else ''} |",
                  flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
