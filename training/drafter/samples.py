"""Samples that `qed solve` wrote, as token ids: what the model itself says, with the
outputs of its programs in place and not learnt."""

import json
import pathlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass
class Sample:
    problem: str
    ids: list[int]
    learnt: list[bool]  # whether the model wrote the token
    prompt: int = 0  # of them, tokens of the prompt


def read_samples(
    paths: Iterable[pathlib.Path],
    prompts: dict[str, str],
    encode: Callable[[list[str]], list[list[int]]],
    max_tokens: int,
) -> list[Sample]:
    """`prompts`: what the model was sent for each problem's id. Samples of other problems,
    and what is behind `max_tokens`, are left out. Every segment is encoded by itself, as the
    engine does it."""
    records = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    records = [r for r in records if str(r["problem_id"]) in prompts]
    asked = list({str(r["problem_id"]) for r in records})
    ids_of_prompt = dict(zip(asked, encode([prompts[p] for p in asked]), strict=True))
    texts = iter(encode([s["text"] for r in records for s in r["segments"]]))
    samples = []
    for record in records:
        problem = str(record["problem_id"])
        ids = list(ids_of_prompt[problem])
        prompt, learnt = len(ids), [False] * len(ids)
        for segment in record["segments"]:
            own = next(texts)
            ids += own
            learnt += [segment["source"] == "model"] * len(own)
        samples.append(Sample(problem, ids[:max_tokens], learnt[:max_tokens], prompt))
    return samples


def held_out(samples: list[Sample], problems: int) -> tuple[list[Sample], list[Sample]]:
    """Those of the first `problems` problems, and the others."""
    apart = set(list(dict.fromkeys(s.problem for s in samples))[:problems])
    return (
        [s for s in samples if s.problem in apart],
        [s for s in samples if s.problem not in apart],
    )


def frequent_tokens(samples: Iterable[Sample], size: int) -> list[int]:
    """The `size` tokens that the model writes most often, ascending; ties to lower ids."""
    counts = Counter(
        token for s in samples for token, own in zip(s.ids, s.learnt, strict=True) if own
    )
    return sorted(sorted(counts, key=lambda token: (-counts[token], token))[:size])
