"""What a training example is, and its exact bytes as `qed solve` makes them.

The prompts are those built into QED (src/text/prompt.cc) and the tags those of
its default prompt; a transcript is a list of segments that are tokenised one by
one, as the engine does it.
"""

import dataclasses
import random

CODE_BEGIN = "<tool_call>\n"
CODE_END = "\n</tool_call>"
OUTPUT_BEGIN = "\n```output\n"
OUTPUT_END = "```\n"

GENERIC_MATH = (
    "Solve the following math problem. Make sure to put the answer (and only answer) "
    "inside \\boxed{{}}.\n\n{problem}"
)
OPENMATH_TIR = (
    "Solve the following math problem, integrating natural language reasoning with "
    "Python code executions.\nYou may perform up to {calls} Python code calls to "
    "assist your reasoning.\nMake sure to put the answer (and only answer) inside "
    "\\boxed{{}}.\n\n{problem}"
)
DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


@dataclasses.dataclass
class Example:
    """A question and the programs that answer it; outputs are filled in by running them."""

    kind: str
    question: str
    programs: list[str]
    outputs: list[str] = dataclasses.field(default_factory=list)
    answer: str = ""
    wording: str = "seen"  # or "held-out"


@dataclasses.dataclass
class Segment:
    text: str
    learn: bool  # whether the loss counts its tokens


def chat(user: str, system: str | None) -> str:
    """ChatML up to where the model goes on; None leaves the system turn out."""
    head = "" if system is None else f"<|im_start|>system\n{system}<|im_end|>\n"
    return f"{head}<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"


def sample_prompt(rng: random.Random, question: str) -> str:
    """Mostly what `qed solve` sends by default; other prompts and system turns for robustness."""
    if rng.random() < 0.12:
        user = OPENMATH_TIR.format(calls=rng.randint(1, 8), problem=question)
    else:
        user = GENERIC_MATH.format(problem=question)
    system = rng.choices([DEFAULT_SYSTEM, "", None], weights=[60, 20, 20])[0]
    return chat(user, system)


def segments(example: Example, prompt: str) -> list[Segment]:
    """Prompt, then programs and outputs in turn, then the answer.

    Of several programs only the last is learnt: the others fail.
    """
    parts = [Segment(prompt, False)]
    last = len(example.programs) - 1
    for i, (program, output) in enumerate(zip(example.programs, example.outputs, strict=True)):
        parts.append(Segment(f"{CODE_BEGIN}{program}{CODE_END}", i == last))
        parts.append(Segment(f"{OUTPUT_BEGIN}{output}{OUTPUT_END}", False))
    parts.append(Segment(f"The answer is \\boxed{{{example.answer}}}.<|im_end|>", True))
    return parts
