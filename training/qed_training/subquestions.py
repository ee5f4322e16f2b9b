"""Questions about the steps of a worked solution.

"Ida sold 24/2 = 12 hats in May" becomes "How many hats did Ida sell in
May?", asked of the same story. The story's other numbers are then beside the
point, which is what makes such questions worth training on.
"""

import re

from .gsm8k import UNIT_WORDS, Step, Worked, has_unexplained_number, needed


def _verbs(text: str) -> dict[str, str]:
    return dict(pair.split("|") for pair in text.split())


_PAST = _verbs(
    """sold|sell bought|buy had|have ate|eat gave|give got|get made|make spent|spend paid|pay took|take
read|read ran|run found|find won|win lost|lose drank|drink wrote|write drove|drive caught|catch left|leave saw|see
grew|grow kept|keep sent|send cut|cut put|put used|use saved|save earned|earn received|receive collected|collect
needed|need scored|score picked|pick baked|bake walked|walk planted|plant added|add worked|work finished|finish
donated|donate watched|watch cooked|cook traveled|travel owned|own raised|raise sang|sing brought|bring built|build
threw|throw gained|gain ordered|order removed|remove downloaded|download filled|fill sewed|sew knitted|knit
painted|paint packed|pack carried|carry delivered|deliver attended|attend borrowed|borrow returned|return
completed|complete solved|solve answered|answer typed|type counted|count gathered|gather harvested|harvest
produced|produce used|use shared|share handed|hand practiced|practice played|play slept|sleep swam|swim rode|ride
jumped|jump biked|bike hiked|hike flew|fly climbed|climb charged|charge contributed|contribute invested|invest
wasted|waste served|serve printed|print folded|fold washed|wash cleaned|clean sharpened|sharpen studied|study
drew|draw hit|hit shot|shoot fed|feed laid|lay held|hold weighed|weigh cost|cost lifted|lift mowed|mow
rented|rent required|require contained|contain visited|visit purchased|purchase consumed|consume"""
)
_PRESENT = _verbs(
    """has|have needs|need makes|make earns|earn gets|get spends|spend pays|pay sells|sell eats|eat
uses|use buys|buy reads|read runs|run takes|take saves|save drinks|drink gives|give costs|cost works|work
weighs|weigh owns|own drives|drive walks|walk produces|produce receives|receive collects|collect charges|charge
wins|win does|do writes|write picks|pick bakes|bake catches|catch loses|lose holds|hold spins|spin swims|swim
rides|ride jumps|jump plays|play watches|watch cooks|cook plants|plant adds|add keeps|keep finds|find brings|bring
wears|wear requires|require contains|contain fills|fill carries|carry delivers|deliver teaches|teach sleeps|sleep
streams|stream sews|sew knits|knit paints|paint packs|pack orders|order travels|travel feeds|feed lays|lay
consumes|consume grows|grow cuts|cut puts|put sees|see raises|raise leaves|leave sends|send throws|throw
purchases|purchase scores|score donates|donate burns|burn serves|serve washes|wash cleans|clean"""
)
_BASES = {*_PAST.values(), *_PRESENT.values(), "be"}
_HELPERS = ("will", "can", "would", "must", "could", "should")
_NO_SUBJECT = re.compile(
    r"\b(to|has|have|had|needs?|wants?|was|were|is|are|be|able|who|which|that|if|when|means|in|on"
    r"|total|then|so|there|because|while|but|for|this|by|get|gets|got)\b"
    r"|^and\b|(?<=.)\b(he|she|they|it|his|her)\b",
    re.I,
)
_PRONOUNS = {"He", "She", "They", "It", "The", "His", "Her", "Their", "Each", "Its", "All", "Both"}
_SPLIT = re.compile(
    r"\b(in|on|at|from|for|per|each|to|with|after|before|every|left|altogether|when|by|during"
    r"|because|while|if|than|so|and|that)\b"
)
_OPENING = re.compile(
    r"(?:so|then|thus|next|therefore|hence|first|now|finally|this means|that means|in total"
    r"|altogether|together|after that)?[,:]?\s*(?:that |this )?",
    re.I,
)
_CONSEQUENCE = re.compile(
    r"^.*(?:,| and) (?:so|which means|meaning|that means|then) (?:that )?", re.I
)
_WHEN = re.compile(
    r"((?:On|In|At|During|After|Before|By|For|Over|Since) (?!total\b)[^,\d]{2,40}), (?=\w)"
)


def _parts(tail: str) -> tuple[str, str]:
    """ "clips in May" is "clips" and "in May"."""
    match = _SPLIT.search(tail)
    cut = match.start() if match else len(tail)
    return tail[:cut].strip(), tail[cut:].strip()


def _lower(subject: str) -> str:
    """The subject as it stands within a sentence."""
    first = subject.split()[0]
    return subject[:1].lower() + subject[1:] if first in _PRONOUNS else subject


def _ask_verb(head: str, tail: str, money: bool) -> str | None:
    """Head is a subject and a verb: "Ida sold", "she will need", "they have read"."""
    match = re.fullmatch(
        r"((?:[A-Z][\w’'-]*|he|she|they|it|the|his|her|their|each)(?: [\w’'-]+){0,4}?)"
        rf" (?:({'|'.join(_HELPERS)}|has|have|had) )?(?:also |only |already |now |still )?([a-z]+)"
        r"(?: a total of| out| up| back)?",
        head,
    )
    if match is None:
        return None
    subject, helper, verb = _lower(match[1]), match[2], match[3]
    if _NO_SUBJECT.search(subject):
        return None
    if helper in _HELPERS and verb in _BASES:
        auxiliary, base = helper, verb
    elif helper and verb in (*_PAST, "been", "eaten", "written", "driven", "taken", "given"):
        auxiliary, base = helper, verb
    elif helper:
        return None
    elif verb in _PAST:
        auxiliary, base = "did", _PAST[verb]
    elif verb in _PRESENT:
        auxiliary, base = "does", _PRESENT[verb]
    elif verb in _BASES and re.search(r"^(they|both|all)\b| and |s$", subject):
        auxiliary, base = "do", verb
    else:
        return None
    if money:
        what = "How much" if base == "cost" else "How much money"
        return f"{what} {auxiliary} {subject} {base} {tail}?"
    noun, rest = _parts(tail)
    return f"How many {noun} {auxiliary} {subject} {base} {rest}?" if noun else None


def _ask(head: str, tail: str, money: bool) -> str | None:
    """A question whose answer is the number between `head` and `tail`."""
    if re.search(r"\d", tail) or re.search(r"[*+/=:]", head + tail) or len(tail) > 70:
        return None
    head = _CONSEQUENCE.sub("", head)
    head = head[_OPENING.match(head).end() :].strip()
    when = ""
    if match := _WHEN.match(head[:1].upper() + head[1:]):
        when, head = f" {match[1][:1].lower()}{match[1][1:]}", head[match.end() :]
    if len(head) > 60:
        return None
    if not head:  # "students were late"
        noun, rest = _parts(tail)
        plural = noun.split(" ")[0].endswith("s") and len(tail.split()) > 2
        return f"How many {tail}{when}?" if plural and not money else None
    if match := re.fullmatch(r"there (are|were|will be)(?: a total of| only)?", head, re.I):
        noun, rest = _parts(tail)
        be = "will there be" if match[1] == "will be" else f"{match[1]} there"
        return f"How many {noun} {be} {rest}{when}?" if noun else None
    head = head[:1].upper() + head[1:]
    if match := re.fullmatch(
        r"((?:The|His|Her|Their|Its|One)\b.*?) (is|was|are|were|will be)( a total of)?", head
    ):
        unit = f" in {tail}" if tail and not money and len(tail.split()) == 1 else ""
        be = "is" if match[2] == "will be" else match[2]
        return f"What {be} {_lower(match[1])}{unit}{when}?" if unit or not tail else None
    asked = _ask_verb(head, tail, money)
    return f"{asked[:-1]}{when}?" if asked else None


def _statements(question: str) -> str:
    """Without what is asked; the condition of "If ..., how many" stays."""
    sentences = re.split(r"(?<=[.!?])(?<!Mr\.)(?<!Mrs\.)(?<!Ms\.)(?<!Dr\.)\s+", question.strip())
    if re.search(r"\b(calculate|find|determine)\b", sentences[-1], re.I):
        return ""
    told = sentences[:-1] if sentences[-1].endswith("?") else sentences
    match = re.fullmatch(
        r"(?:If|When|Since|Given that) (.*), (?:how|what)\b.*\?", sentences[-1], re.I
    )
    if match:
        told.append(match[1][:1].upper() + match[1][1:] + ".")
    return " ".join(s for s in told if not s.endswith("?"))


def _subquestion(worked: Worked, index: int) -> Worked | None:
    step: Step = worked.steps[index]
    told = _statements(worked.question)
    asked = _ask(step.head, step.tail.strip(" ,"), step.money)
    if not told or asked is None:
        return None
    asked = re.sub(r" +", " ", asked).replace(" ?", "?")
    made = Worked(f"{told} {asked}", needed(worked.steps[: index + 1]), step.value)
    return None if has_unexplained_number(made) else made


_LISTED = re.compile(
    r"(?<![$\d.,/-])(\d{1,4}) ((?:[a-z]+ ){0,2}[a-z]{2,}s),? and (\d{1,4}) ((?:[a-z]+"
    r" ){0,2}[a-z]{2,}s)\b"
)


def _comparisons(worked: Worked) -> list[Worked]:
    """Of two counts that a sentence lists, "3 cats and 8 dogs": the difference and the sum."""
    told = _statements(worked.question)
    made = []
    for match in _LISTED.finditer(told):
        counts = sorted([(int(match[1]), match[2]), (int(match[3]), match[4])])
        (few, fewer), (many, more) = counts
        if few == many or fewer == more or any(UNIT_WORDS & set(w.split()) for _, w in counts):
            continue
        for ask, sign in (
            (f"How many more {more} than {fewer} are there?", "-"),
            (f"How many {match[2]} and {match[4]} are there in all?", "+"),
        ):
            value = many - few if sign == "-" else many + few
            step = Step("", "result", f"{many} {sign} {few}", value)
            made.append(Worked(f"{told} {ask}", [step], value))
    return made


def subquestions(worked: Worked) -> list[Worked]:
    """One for each step whose sentence can be turned into a question, and comparisons."""
    made = (_subquestion(worked, i) for i in range(len(worked.steps)))
    return [m for m in made if m is not None] + _comparisons(worked)
