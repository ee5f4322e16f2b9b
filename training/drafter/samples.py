"""Samples that `qed solve` wrote, as token ids: what the model itself says, with the
outputs of its programs in place and not learnt."""

import json
import pathlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass
class Sample:
    ids: list[int]
    learnt: list[bool]  # whether the model wrote the token


def read_samples(
    paths: Iterable[pathlib.Path],
    prompts: dict[str, str],
    encode: Callable[[str], list[int]],
    max_tokens: int,
) -> list[Sample]:
    """`prompts`: what the model was sent for each problem's id. Samples of other problems,
    and what is behind `max_tokens`, are left out. Every segment is encoded by itself, as the
    engine does it."""
    samples = []
    for path in paths:
        for line in path.read_text().splitlines():
            record = json.loads(line)
            prompt = prompts.get(str(record["problem_id"]))
            if prompt is None:
                continue
            ids = encode(prompt)
            learnt = [False] * len(ids)
            for segment in record["segments"]:
                own = encode(segment["text"])
                ids += own
                learnt += [segment["source"] == "model"] * len(own)
            samples.append(Sample(ids[:max_tokens], learnt[:max_tokens]))
    return samples


def frequent_tokens(samples: Iterable[Sample], size: int) -> list[int]:
    """The `size` tokens that the model writes most often, ascending; ties to lower ids."""
    counts = Counter(
        token for s in samples for token, own in zip(s.ids, s.learnt, strict=True) if own
    )
    return sorted(sorted(counts, key=lambda token: (-counts[token], token))[:size])
