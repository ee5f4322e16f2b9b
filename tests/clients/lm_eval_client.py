"""lm-eval over problems of a file that is not in this repository: local-completions with the
prompt that `qed solve` would send, and local-chat-completions, whose server runs the
programs. The task is defined here, since no hub is needed then."""

import itertools
import json
import os
import pathlib
import re
import sys
import urllib.request

SKIPPED = 77
PROBLEMS = 20
MARK = "@@PROBLEM@@"


def ask(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def task(name, prompt):
    """A YAML task; the files are read by lm-eval's own code."""
    pathlib.Path(f"tasks/{name}.yaml").write_text(json.dumps({
        "task": name, "dataset_path": "json", "test_split": "test",
        "dataset_kwargs": {"data_files": {"test": str(pathlib.Path("problems.jsonl").resolve())}},
        "output_type": "generate_until", "doc_to_text": prompt.replace(MARK, "{{problem}}"),
        "doc_to_target": "{{expected_answer}}",
        "generation_kwargs": {"until": ["<|im_end|>"], "do_sample": False, "max_gen_toks": 400},
        "filter_list": [{"name": "boxed", "filter": [
            {"function": "regex", "regex_pattern": r"\\boxed\{([^{}]*)\}", "group_select": -1},
            {"function": "take_first"}]}],
        "metric_list": [{"metric": "exact_match"}]}), encoding="utf-8")


def main(url, model):
    problems = os.environ.get("QED_GSM8K")
    if not problems:
        print("QED_GSM8K names no file of problems")
        sys.exit(SKIPPED)
    import lm_eval
    from lm_eval.tasks import TaskManager
    with open(problems, encoding="utf-8") as lines:
        pathlib.Path("problems.jsonl").write_text("".join(itertools.islice(lines, PROBLEMS)),
                                                  encoding="utf-8")
    pathlib.Path("tasks").mkdir()
    prompt = ask(url + "/solve/request", {"problem": MARK})["prompt"]
    task("plain", prompt)
    task("chat", re.search(r"<\|im_start\|>user\n(.*?)<\|im_end\|>", prompt, re.DOTALL)[1])
    tasks = TaskManager(include_path="tasks", include_defaults=False)
    scores = {}
    for kind, path, name in (("local-completions", "completions", "plain"),
                             ("local-chat-completions", "chat/completions", "chat")):
        arguments = {"model": model, "base_url": f"{url}/v1/{path}", "num_concurrent": 4,
                     "tokenized_requests": False, "tokenizer_backend": None, "timeout": 600}
        results = lm_eval.simple_evaluate(model=kind, model_args=arguments, tasks=[name],
                                          task_manager=tasks, apply_chat_template=name == "chat",
                                          bootstrap_iters=0)
        scores[kind] = round(results["results"][name]["exact_match,boxed"] * PROBLEMS)
    line = ", ".join(f"{kind} {right} of {PROBLEMS}" for kind, right in scores.items())
    if not all(scores.values()):
        sys.exit(f"a score of zero: {line}")
    print(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
