"""guidellm with its defaults: only the target and prompts are given."""

import json
import pathlib
import subprocess
import sys

PROMPTS = 12


def main(url, _model):
    data = pathlib.Path("prompts.jsonl")
    data.write_text("".join(json.dumps({"prompt": f"What is {n} plus {n}?"}) + "\n"
                            for n in range(2, 2 + PROMPTS)), encoding="utf-8")
    guidellm = pathlib.Path(sys.executable).with_name("guidellm")
    result = subprocess.run([guidellm, "run", "--backend", f"kind=openai_http,target={url}",
                             "--data", f"kind=json_file,path={data}",
                             "--profile", "kind=synchronous",
                             "--constraint", f"kind=max_requests,count={PROMPTS}"],
                            capture_output=True, text=True, timeout=1200, check=False)
    reports = list(pathlib.Path().glob("**/benchmark*.json"))
    if result.returncode != 0 or not reports:
        sys.exit(result.stdout[-3000:] + result.stderr[-3000:])
    totals = json.loads(reports[0].read_text(encoding="utf-8"))["benchmarks"][0]["metrics"][
        "request_totals"]
    assert totals["successful"] == PROMPTS and totals["errored"] == 0, totals
    print(f"{totals['successful']} of {PROMPTS} requests of a synchronous benchmark, none failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
