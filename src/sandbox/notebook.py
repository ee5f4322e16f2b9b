"""What a cell means and how its errors are shown, as notebooks do both.

worker.py, which runs cells, follows this text in the same module.
"""
import ast
import linecache
import re
import reprlib
import traceback

# TracebackVerbosity of client.h.
PLAIN, MINIMAL, CONTEXT, VERBOSE = range(4)

MAX_CAUSES = 4  # exceptions of a chain that are shown
MAX_FRAMES = 40  # of one exception; the middle of longer stacks is left out
CONTEXT_LINES = 2  # before and after the one that failed
RULE = "-" * 75
OWN_FILES = ("<worker>", "<string>")

NO_MAGIC = ("IPython's magic and shell lines (%name, !command, name?) are not available: "
            "write plain Python")


# What stands before the lines of a program that was copied out of a terminal: Python's own
# prompts and IPython's, each as the first line has it and as the others have it.
PYTHON_PROMPTS = re.compile(r">>>(?: |$)", re.M), re.compile(r"(?:>>>|\.\.\.)(?: |$)", re.M)
IPYTHON_PROMPT = re.compile(r"In \[\d+\]: |\s*\.{3,}: ?")


def without_prompts(lines, first, any_line):
    """As they are, unless the first or the second line has one."""
    if first.match(lines[0]) or (len(lines) > 1 and any_line.match(lines[1])):
        return [any_line.sub("", line, count=1) if any_line.match(line) else line
                for line in lines]
    return lines


def clean_source(source):
    """The program in a cell, as IPython finds it: without empty lines before it, without
    the indentation that its first line has, without prompts. Lines that lack that
    indentation stay as they are."""
    lines = source.splitlines(keepends=True)
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return source
    lines = lines[first:]
    indent = re.match(r"[ \t]*", lines[0]).group()
    lines = [line.removeprefix(indent) for line in lines]
    lines = without_prompts(lines, *PYTHON_PROMPTS)
    return "".join(without_prompts(lines, IPYTHON_PROMPT, IPYTHON_PROMPT))


def remember_source(name, source):
    """Tracebacks find the lines of a cell under its name."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)


def ends_silently(source, last):
    """A semicolon after the last expression keeps its value from being shown."""
    lines = source.splitlines(True)[last.end_lineno - 1:]
    lines[0] = lines[0].encode()[last.end_col_offset:].decode(errors="replace")
    rest = "".join(re.sub(r"#.*", "", line) for line in lines)
    return rest.strip(" \t\r\n\f\\)").startswith(";")


def compile_source(source, name, flags, mode="exec", tree=None):
    """compile(), whose errors show their line and name what notebooks have more."""
    try:
        return compile(source if tree is None else tree, name, mode, flags, dont_inherit=True)
    except SyntaxError as error:
        lines = source.splitlines()
        if error.filename == name and error.lineno and error.lineno <= len(lines):
            line = lines[error.lineno - 1]
            if error.text is None:
                error.text = line
            if re.match(r"\s*[%!?]", line) or re.fullmatch(r"\s*[\w.]+\?{1,2}\s*", line):
                error.msg = NO_MAGIC
        raise


def compile_cell(source, name):
    """(statements, last expression or None), both code objects."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile_source(source, name, ast.PyCF_ONLY_AST | flags)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        if not ends_silently(source, tree.body[-1]):
            last = ast.Expression(tree.body.pop().value)
    body = compile_source(source, name, flags, tree=tree)
    return body, last and compile_source(source, name, flags, "eval", last)


def is_cell(name):
    return name.startswith("<cell ")


def cell_number(name):
    return name[len("<cell "):-1]


def shown_frames(error):
    """(frame, line number) of each frame of a cell and of a library's innermost."""
    frames = [entry for entry in traceback.walk_tb(error.__traceback__)
              if entry[0].f_code.co_filename not in OWN_FILES]
    return [entry for index, entry in enumerate(frames)
            if is_cell(entry[0].f_code.co_filename) or index == len(frames) - 1]


def line_alone(frame, number):
    code = frame.f_code
    line = linecache.getline(code.co_filename, number).strip()
    if is_cell(code.co_filename):
        return f"    {line}\n"
    return f"  File {code.co_filename}:{number} in {code.co_name}\n    {line}\n"


def values_in(frame, line):
    """The variables that a line names, a line for each."""
    for name in sorted(set(re.findall(r"[A-Za-z_]\w*", line))):
        for scope, variables in (("", frame.f_locals), ("global ", frame.f_globals)):
            if name in variables:
                yield f"        {scope}{name} = {reprlib.repr(variables[name])}\n"
                break


def line_in_context(frame, number, verbosity):
    code = frame.f_code
    where = (f"Cell In[{cell_number(code.co_filename)}], line {number}"
             if is_cell(code.co_filename) else f"File {code.co_filename}:{number}")
    if code.co_name != "<module>":
        where += f", in {code.co_name}"
    text = where + "\n"
    lines = linecache.getlines(code.co_filename)
    for at in range(max(number - CONTEXT_LINES, 1), min(number + CONTEXT_LINES, len(lines)) + 1):
        arrow = "-" * (5 - len(str(at))) + "> " if at == number else " " * (7 - len(str(at)))
        text += f"{arrow}{at} {lines[at - 1].rstrip()}\n"
    if verbosity == VERBOSE and number <= len(lines):
        text += "".join(values_in(frame, lines[number - 1]))
    return text + "\n"


def stack_text(error, verbosity):
    frames = shown_frames(error)
    left_out = max(len(frames) - MAX_FRAMES, 0)
    entries = []  # [text, how often in a row]
    for frame, number in frames[:MAX_FRAMES // 2] + frames[MAX_FRAMES // 2 + left_out:]:
        text = (line_alone(frame, number) if verbosity == PLAIN
                else line_in_context(frame, number, verbosity))
        if entries and entries[-1][0] == text:
            entries[-1][1] += 1
        else:
            entries.append([text, 1])
    for text, count in entries:
        yield text
        if count > 1:
            yield f"    [repeated {count - 1} more times]\n"
    if left_out:
        yield f"    [{left_out} frames in the middle are not shown]\n"


def exception_text(error):
    return "".join(line for line in traceback.format_exception_only(type(error), error)
                   if not line.startswith('  File "<cell '))


def error_chain(error):
    chain = [error]
    while len(chain) < MAX_CAUSES:
        cause = chain[-1].__cause__
        if cause is None and not chain[-1].__suppress_context__:
            cause = chain[-1].__context__
        if cause is None or cause in chain:
            break
        chain.append(cause)
    return chain


def format_error(error, verbosity=PLAIN):
    """The traceback as notebooks show it, without the frames of this file."""
    if verbosity == MINIMAL:
        return exception_text(error)
    text = ""
    for position, one in enumerate(reversed(error_chain(error))):
        if position:
            text += ("\nThe above exception was the direct cause of the following exception:\n\n"
                     if one.__cause__ else
                     "\nDuring handling of the above exception, another exception occurred:\n\n")
        header = "Traceback (most recent call last)"
        if verbosity == PLAIN:
            text += header + ":\n"
        else:
            name = type(one).__name__
            text += f"{RULE}\n{name}{header:>{max(len(RULE) - len(name), len(header) + 1)}}\n"
        text += "".join(stack_text(one, verbosity))
        text += exception_text(one)
    return text


