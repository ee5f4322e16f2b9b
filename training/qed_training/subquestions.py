"""Questions about the steps of a worked solution.

"Natalia sold 48/2 = 24 clips in May" becomes "How many clips did Natalia sell in
May?", asked of the same story. The story's other numbers are then beside the
point, which is what makes such questions worth training on.
"""

import re

from .gsm8k import Step, Worked, needed, numbers_in

_PAST = {
    "sold": "sell",
    "bought": "buy",
    "had": "have",
    "ate": "eat",
    "gave": "give",
    "got": "get",
    "made": "make",
    "spent": "spend",
    "paid": "pay",
    "took": "take",
    "read": "read",
    "ran": "run",
    "found": "find",
    "won": "win",
    "lost": "lose",
    "drank": "drink",
    "wrote": "write",
    "drove": "drive",
    "caught": "catch",
    "left": "leave",
    "saw": "see",
    "grew": "grow",
    "kept": "keep",
    "sent": "send",
    "cut": "cut",
    "put": "put",
    "used": "use",
    "saved": "save",
    "earned": "earn",
    "received": "receive",
    "collected": "collect",
    "needed": "need",
    "scored": "score",
    "picked": "pick",
    "baked": "bake",
    "walked": "walk",
    "planted": "plant",
    "added": "add",
    "worked": "work",
    "finished": "finish",
    "donated": "donate",
    "watched": "watch",
    "cooked": "cook",
    "traveled": "travel",
    "owned": "own",
    "raised": "raise",
    "sang": "sing",
    "brought": "bring",
    "built": "build",
}
_PRESENT = {
    "has": "have",
    "needs": "need",
    "makes": "make",
    "earns": "earn",
    "gets": "get",
    "spends": "spend",
    "pays": "pay",
    "sells": "sell",
    "eats": "eat",
    "uses": "use",
    "buys": "buy",
    "reads": "read",
    "runs": "run",
    "takes": "take",
    "saves": "save",
    "drinks": "drink",
    "gives": "give",
    "costs": "cost",
    "works": "work",
    "weighs": "weigh",
    "owns": "own",
    "drives": "drive",
    "walks": "walk",
    "produces": "produce",
    "receives": "receive",
    "collects": "collect",
    "charges": "charge",
    "wins": "win",
    "does": "do",
    "writes": "write",
    "picks": "pick",
    "bakes": "bake",
    "catches": "catch",
    "loses": "lose",
    "holds": "hold",
}
_PLURAL = {
    w: w
    for w in "have need make earn get spend pay sell eat use buy read run take save drink give cost work weigh own".split()
}
_SPLIT = re.compile(
    r"\b(in|on|at|from|for|per|each|to|with|after|before|every|left|altogether|when|by|during|during|because|while|if|than|so|and)\b"
)
_HEAD = re.compile(
    r"^(?:so|then|thus|next|therefore|first|now|finally|after that|that means|this means|in"
    r" total)?[,:]?\s*(?:that |this )?",
    re.I,
)


def _noun_and_rest(text: str) -> tuple[str, str]:
    """ "clips in May" is "clips" and "in May"."""
    match = _SPLIT.search(text)
    cut = match.start() if match else len(text)
    return text[:cut].strip(), text[cut:].strip()


def _ask(head: str, tail: str, money: bool) -> str | None:
    """A question whose answer is the number between `head` and `tail`."""
    if re.search(r"\d", tail) or re.search(r"[*+/=]", head + tail) or len(head) + len(tail) > 110:
        return None
    if match := re.fullmatch(r"(?:there )(are|were|will be)( a total of)?", head, re.I):
        noun, rest = _noun_and_rest(tail)
        return (
            f"How many {noun} {match.group(1)} there {rest}?"
            if noun and match.group(1) != "will be"
            else (f"How many {noun} will there be {rest}?" if noun else None)
        )
    if match := re.fullmatch(
        r"((?:the|his|her|their|its|each|one)\b.*?)\s+(is|was|are|were|costs?|will be|equals)( a"
        r" total of| about)?",
        head,
        re.I,
    ):
        subject, verb = match.group(1), match.group(2)
        subject = subject[:1].lower() + subject[1:]
        if verb.startswith("cost"):
            return (
                f"How much {'do' if verb == 'cost' else 'does'} {subject} cost {tail}?"
                if money
                else None
            )
        unit = f" in {tail}" if tail and not money and len(tail.split()) == 1 else ""
        return (
            "What"
            f" {'was' if verb == 'was' else 'were' if verb == 'were' else 'are' if verb == 'are' else 'is'}"
            f" {subject}{unit}?"
        )
    match = re.fullmatch(
        r"((?:[A-Z][a-z]+|[Hh]e|[Ss]he|[Tt]hey|[Ii]t|[Tt]he [a-z]+|[Hh]is [a-z]+|[Hh]er [a-z]+)(?:"
        r" and [A-Z][a-z]+)?)\s+(?:also |only |already )?([a-z]+)( a total of| out| up)?",
        head,
    )
    if match is None:
        return None
    return _ask_about(match.group(1), match.group(2), tail, money)


def _ask_about(subject: str, verb: str, tail: str, money: bool) -> str | None:
    subject = (
        subject
        if subject[0].isupper()
        and subject.split()[0] not in ("He", "She", "They", "It", "The", "His", "Her")
        else subject[:1].lower() + subject[1:]
    )
    for table, auxiliary in ((_PAST, "did"), (_PRESENT, "does"), (_PLURAL, "do")):
        if verb in table:
            base = table[verb]
            if money:
                return (
                    f"How much money {auxiliary} {subject} {base} {tail}?"
                    if base != "cost"
                    else f"How much {auxiliary} {subject} cost {tail}?"
                )
            noun, rest = _noun_and_rest(tail)
            return f"How many {noun} {auxiliary} {subject} {base} {rest}?" if noun else None
    return None


def _context(question: str) -> str | None:
    """The statements before the final question; None where the question carries facts of its own."""
    sentences = re.split(r"(?<=[.!?])\s+", question.strip())
    if (
        len(sentences) < 2
        or not sentences[-1].endswith("?")
        or numbers_in(sentences[-1])
        or sentences[-1].lower().startswith("if ")
    ):
        return None
    return " ".join(sentences[:-1])


def _subquestion(worked: Worked, index: int) -> Worked | None:
    step: Step = worked.steps[index]
    context = _context(worked.question)
    if context is None:
        return None
    head = _HEAD.sub("", step.head).strip()
    asked = _ask(head[:1].upper() + head[1:], step.tail.strip(" ,"), step.money)
    if asked is None:
        return None
    steps = needed(worked.steps[: index + 1])
    return Worked(f"{context} {re.sub(r' +', ' ', asked).replace(' ?', '?')}", steps, step.value)


def subquestions(worked: Worked) -> list[Worked]:
    """One for each step whose sentence can be turned into a question."""
    made = (_subquestion(worked, i) for i in range(len(worked.steps)))
    return [m for m in made if m is not None]
