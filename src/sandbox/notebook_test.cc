// Notebook semantics, cell by cell: what is shown, how errors look, what stays.
#include "sandbox/test_support.h"

namespace qed {
namespace {

struct Cell {
  const char* name;
  const char* code;
  const char* out;
  ExecuteResult::ProcessStatus status = kCompleted;
  const char* err = "";
};

ExecuteResult RunAlone(ExecuteRequest request) {
  if (request.session_id.empty()) request.session_id = "notebook";
  request.timeout = 20;
  Result<ExecuteResult> result = SharedSandbox().Execute(request);
  SharedSandbox().CloseSession(request.session_id);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *result : ExecuteResult();
}

template <size_t kCount>
void ExpectCells(const Cell (&cells)[kCount], const ExecuteRequest& common) {
  for (const Cell& cell : cells) {
    SCOPED_TRACE(cell.name);
    ExecuteRequest request = common;
    request.generated_code = cell.code;
    const ExecuteResult result = RunAlone(request);
    EXPECT_EQ(result.out, cell.out);
    EXPECT_EQ(result.err, cell.err);
    EXPECT_EQ(result.process_status, cell.status);
  }
}

const Cell kInput[] = {
    {"Lines", "a = input()\nb = int(input('second? '))\nprint(a, b)", "second? one 2\n"},
    {"ThenItsEnd", "while True: print(input())",
     "one\n2\n\u03c0\nTraceback (most recent call last):\n    while True: print(input())\n"
     "EOFError: EOF when reading a line\n",
     kError},
    {"ByStream", "import sys\nsys.stdin.read()", "'one\\n2\\n\u03c0'\n"},
    {"ByDescriptor", "import os\nos.read(0, 99)", "b'one\\n2\\n\\xcf\\x80'\n"},
    {"ByFileObject", "[line.strip() for line in open(0)]", "['one', '2', '\u03c0']\n"},
    {"ByChild", "import subprocess\nsubprocess.run(['wc', '-l']);", "2\n"},
    {"CannotBeChanged",
     "import os\ntry: os.write(0, b'x')\nexcept OSError as e: print(type(e).__name__)",
     "OSError\n"},
};

// Programs as they stand in answers and terminals, and as IPython takes them.
const Cell kPasted[] = {
    {"IndentedAsAWhole", "   x = 6\n   print(x * 7)", "42\n"},
    {"IndentedByTabs", "\tif 1:\n\t\tprint(1)\n\tprint(2)\n", "1\n2\n"},
    {"EmptyLinesBefore", "\n \n    a = 1\n\n    a + 1", "2\n"},
    {"OnlyTheFirstLineIndented", "  x = 1\nprint(x)", "1\n"},
    {"LessIndentedLater", "    if 1:\n        print(1)\n  # less\n    2", "1\n2\n"},
    {"Prompt", ">>> print(42)", "42\n"},
    {"Prompts", ">>> for i in range(2):\n...     print(i)\n...\n>>> i", "0\n1\n1\n"},
    {"PromptFromTheSecondLine", "x = 5\n>>> x", "5\n"},
    {"IndentedPrompts", "    >>> def f():\n    ...     return 7\n    ...\n    >>> f()", "7\n"},
    {"PromptsOfIPython", "In [3]: x = 1\n   ...: x + 1", "2\n"},
    {"EllipsisIsNoPrompt", "...", "Ellipsis\n"},
    {"ComparisonsAreNoPrompts", "(5\n>> 1)", "2\n"},
    {"TextKeepsItsIndentation", "x = \"\"\"\n  a\"\"\"\nx", "'\\n  a'\n"},
    {"WronglyIndented", "x = 1\n  y = 2",
     "Traceback (most recent call last):\n    y = 2\nIndentationError: unexpected indent\n",
     kError},
};

TEST(NotebookTest, PastedProgramsRun) { ExpectCells(kPasted, ExecuteRequest()); }

const Cell kShell[] = {
    {"Commands", "x=6\necho $((x * 7)) | tr 4 5", "52\n"},
    {"ReadsItsInput", "read a\nread b\necho \"$b $a\"", "2 one\n"},
    {"Fails", "echo out\necho err >&2\nexit 3", "out\n", kError, "err\n"},
    {"IsInTheJail", "cat /etc/shadow; ls /proc /home; (echo x > /usr/x); true", "", kCompleted,
     "cat: /etc/shadow: No such file or directory\nls: cannot access '/proc': No such file or "
     "directory\nls: cannot access '/home': No such file or directory\n"},
};

TEST(NotebookTest, TheShellRunsInTheSameJail) {
  ExecuteRequest request;
  request.language = CodeLanguage::kShell;
  request.std_input = "one\n2\n";
  for (const Cell& cell : kShell) {
    SCOPED_TRACE(cell.name);
    request.generated_code = cell.code;
    const ExecuteResult result = RunAlone(request);
    EXPECT_EQ(result.out, cell.out);
    EXPECT_TRUE(result.err.starts_with(cell.err)) << result.err;
    EXPECT_EQ(result.process_status, cell.status);
  }
  request.generated_code = "sleep 60 & while true; do :; done";
  request.session_id = "shell";
  request.timeout = 0.3;
  const Result<ExecuteResult> late = SharedSandbox().Execute(request);
  ASSERT_TRUE(late.ok());
  EXPECT_EQ(late->process_status, kTimeout);
}

TEST(NotebookTest, InputIsWhatCameAlong) {
  ExecuteRequest request;
  request.std_input = "one\n2\n\u03c0";
  ExpectCells(kInput, request);
}

TEST(NotebookTest, InputThatIsKeptIsEmptyAfterItsCell) {
  ExecuteRequest request{"kept", "import os\nkept = os.dup(0)\nos.fstat(kept).st_size", 20};
  request.std_input = std::string(1 << 20, 'x');
  EXPECT_EQ(SharedSandbox().Execute(request)->out, "1048576\n");
  const ExecuteResult after =
      RunIn(SharedSandbox(), "kept", "os.fstat(kept).st_size, os.pread(kept, 9, 0)");
  EXPECT_EQ(after.out, "(0, b'')\n");
  SharedSandbox().CloseSession("kept");
}

TEST(NotebookTest, InputOfOneCellIsGoneInTheNext) {
  LocalSandbox& sandbox = SharedSandbox();
  ExecuteRequest request;
  request.session_id = "input";
  request.generated_code = "input()";
  request.std_input = "a\nb\n";
  EXPECT_EQ(sandbox.Execute(request)->out, "'a'\n");
  request.std_input = "";
  EXPECT_EQ(sandbox.Execute(request)->process_status, kError);
  request.std_input = std::string(1 << 20, 'x');
  request.generated_code = "len(input())";
  EXPECT_EQ(sandbox.Execute(request)->out, "1048576\n");
  sandbox.CloseSession("input");
}

const Cell kScripts[] = {
    {"NoValueIsShown", "6 * 7", ""},
    {"Prints", "print(__name__, __file__)", "__main__ main.py\n"},
    {"MainGuard", "if __name__ == '__main__':\n  print('main')", "main\n"},
    {"Error", "def f():\n  return 1 / 0\nprint(1)\nf()", "1\n", kError,
     "Traceback (most recent call last):\n  File \"main.py\", line 4, in <module>\n    f()\n"
     "  File \"main.py\", line 2, in f\n    return 1 / 0\n           ~~^~~\n"
     "ZeroDivisionError: division by zero\n"},
    {"SyntaxError", "print(1", "", kError,
     "  File \"main.py\", line 1\n    print(1\n         ^\nSyntaxError: '(' was never closed\n"},
    {"NoTopLevelAwait", "import asyncio\nawait asyncio.sleep(0)", "", kError,
     "  File \"main.py\", line 2\n    await asyncio.sleep(0)\n    ^^^^^^^^^^^^^^^^^^^^^^\n"
     "SyntaxError: 'await' outside function\n"},
    {"ExitCode", "import sys\nprint(1)\nsys.exit(3)", "1\n", kError},
    {"ExitZero", "import sys\nsys.exit(0)", ""},
    {"ExitMessage", "import sys\nsys.exit('bye')", "", kError, "bye\n"},
    {"AtExit", "import atexit\natexit.register(print, 'end')\nprint('begin')", "begin\nend\n"},
    {"WaitsForThreads",
     "import threading, time\ndef f():\n  time.sleep(0.1)\n  print('thread')\n"
     "threading.Thread(target=f).start()",
     "thread\n"},
};

TEST(NotebookTest, ScriptsRunAsOfTheirOwn) {
  ExecuteRequest request;
  request.language = CodeLanguage::kPython;
  ExpectCells(kScripts, request);
}

const char kNested[] = "def f(n):\n    m = n + 1\n    return m / 0\n\nf(2)";

TEST(NotebookTest, TracebacksComeInFourForms) {
  ExecuteRequest request;
  request.generated_code = kNested;
  EXPECT_EQ(RunAlone(request).out,
            "Traceback (most recent call last):\n    f(2)\n    return m / 0\n"
            "ZeroDivisionError: division by zero\n");
  request.traceback_verbosity = TracebackVerbosity::kMinimal;
  EXPECT_EQ(RunAlone(request).out, "ZeroDivisionError: division by zero\n");
  request.traceback_verbosity = TracebackVerbosity::kContext;
  const std::string rule(75, '-');
  const std::string header =
      rule + "\nZeroDivisionError                         Traceback (most recent call last)\n";
  EXPECT_EQ(RunAlone(request).out, header +
                                       "Cell In[1], line 5\n      3     return m / 0\n      4 \n"
                                       "----> 5 f(2)\n\n"
                                       "Cell In[1], line 3, in f\n      1 def f(n):\n"
                                       "      2     m = n + 1\n----> 3     return m / 0\n      4 \n"
                                       "      5 f(2)\n\nZeroDivisionError: division by zero\n");
  request.traceback_verbosity = TracebackVerbosity::kVerbose;
  const std::string verbose = RunAlone(request).out;
  EXPECT_NE(verbose.find("----> 3     return m / 0\n      4 \n      5 f(2)\n        m = 3\n"),
            std::string::npos)
      << verbose;
}

const Cell kValues[] = {
    {"MultiLine", "total = 0\nfor i in range(4):\n    if i % 2:\n        total += i\n\ntotal",
     "4\n"},
    {"LoopHasNoValue", "for i in range(2):\n    i", ""},
    {"AssignmentHasNoValue", "x = 5", ""},
    {"WalrusHasAValue", "(x := 5)", "5\n"},
    {"StringOverLines", "'''a\nb'''", "'a\\nb'\n"},
    {"Lambda", "(lambda n: n + 1)(1)", "2\n"},
    {"Comprehension", "[n * n for n in range(4)]", "[0, 1, 4, 9]\n"},
    {"ExpressionOverLines", "sum([\n  1,\n  2,\n])", "3\n"},
    {"Semicolon", "6 * 7;", ""},
    {"SemicolonThenComment", "6 * 7;  # quiet", ""},
    {"SemicolonInAComment", "6 * 7  # not; quiet;", "42\n"},
    {"SemicolonInAString", "'a;'", "'a;'\n"},
    {"SemicolonAfterParentheses", "(6 *\n 7\n);", ""},
    {"SemicolonBetween", "x = 6; x * 7", "42\n"},
    {"SemicolonAfterUnicode", "'\u03c0\U0001F600';", ""},
    {"Underscore", "6 * 7\n", "42\n"},
    {"Decorator",
     "def twice(f):\n  return lambda x: f(f(x))\n@twice\ndef inc(n):\n  return n + 1\ninc(3)",
     "5\n"},
    {"Generator", "def g():\n  yield 1\n  yield from (2, 3)\nlist(g())", "[1, 2, 3]\n"},
    {"ContextManager",
     "import contextlib\n@contextlib.contextmanager\ndef c():\n  print('in')\n  yield 7\n  "
     "print('out')\n"
     "with c() as x: print(x)",
     "in\n7\nout\n"},
    {"Match", "match [1, 2]:\n  case [a, b]: print(a + b)", "3\n"},
    {"PrintWithoutNewline", "print('a', end='')\nprint('b', end='')", "ab\n"},
    {"PrintThenValue", "print('a', end=' ')\n1", "a 1\n"},
    {"Carriage", "print('10%\\r20%', end='')", "10%\r20%\n"},
    {"Unicode", "print('\u03c0\u2248\u00bd \U0001F600', len('\U0001F600'))",
     "\u03c0\u2248\u00bd \U0001F600 1\n"},
    {"UnicodeNames", "\u03c0 = 3\n\u03c0", "3\n"},
    {"LoneSurrogate", "print('\\ud800')", "\\ud800\n"},
    {"SympyValue", "from sympy import *\nx = symbols('x')\n(x + 1)**2 / 2", "(x + 1)**2/2\n"},
    {"SympyPretty", "import sympy\nsympy.init_printing(use_unicode=False)\nsympy.sqrt(2)",
     "  ___\n\\/ 2\n"},
    {"NumpyValue", "import numpy as np\nnp.eye(2)", "array([[1., 0.],\n       [0., 1.]])\n"},
    {"Fractions", "from fractions import Fraction\nFraction(1, 3) + 1", "Fraction(4, 3)\n"},
    {"Await", "import asyncio\nawait asyncio.sleep(0, 'done')", "'done'\n"},
    {"AsyncFor", "async def g():\n  yield 1\n  yield 2\n[x async for x in g()]", "[1, 2]\n"},
    {"AsyncWith", "import asyncio\nasync with asyncio.Lock():\n  print('held')", "held\n"},
    {"Gather",
     "import asyncio\nasync def f(n):\n  await asyncio.sleep(0)\n  return n\n"
     "await asyncio.gather(f(1), f(2))",
     "[1, 2]\n"},
    {"AsyncioRun", "import asyncio\nasync def f(): return 3\nasyncio.run(f())", "3\n"},
    {"ExitZero", "import sys\nprint(1)\nsys.exit()\nprint(2)", "1\n"},
    {"ExitCode", "import sys\nprint(1)\nsys.exit(2)\nprint(2)", "1\n", kError},
    {"Quit", "quit()", ""},
    {"Globals", "__name__, '__file__' in globals()", "('__main__', False)\n"},
    {"Future", "from __future__ import annotations\ndef f(x: nowhere): pass\nf.__annotations__",
     "{'x': 'nowhere'}\n"},
};

TEST(NotebookTest, ValuesAreShownAsInANotebook) { ExpectCells(kValues, ExecuteRequest()); }

const Cell kErrors[] = {
    {"LineOfTheError", "x = 1\n\ny = x / 0\nz = 2",
     "Traceback (most recent call last):\n    y = x / 0\nZeroDivisionError: division by zero\n",
     kError},
    {"OutputComesFirst", "print('before', end='')\n1 / 0",
     "beforeTraceback (most recent call last):\n    1 / 0\nZeroDivisionError: division by zero\n",
     kError},
    {"NestedCalls",
     "def f(n):\n  return 1 / n\ndef g(n):\n  return f(n)\nclass A:\n  def m(self):\n"
     "    return g(0)\nA().m()",
     "Traceback (most recent call last):\n    A().m()\n    return g(0)\n    return f(n)\n"
     "    return 1 / n\nZeroDivisionError: division by zero\n",
     kError},
    {"InALibrary", "import json\njson.loads('{')",
     "Traceback (most recent call last):\n    json.loads('{')\n", kError},
    {"Recursion", "def f(n):\n  return f(n + 1)\nf(0)",
     "Traceback (most recent call last):\n    f(0)\n    return f(n + 1)\n    [repeated 38 more "
     "times]\n",
     kError},
    {"Own", "class Wrong(Exception): pass\nraise Wrong('no', 1)",
     "Traceback (most recent call last):\n    raise Wrong('no', 1)\nWrong: ('no', 1)\n", kError},
    {"Assertion", "assert 1 == 2, 'differs'",
     "Traceback (most recent call last):\n    assert 1 == 2, 'differs'\nAssertionError: differs\n",
     kError},
    {"InALambda", "f = lambda: [][1]\nf()",
     "Traceback (most recent call last):\n    f()\n    f = lambda: [][1]\n"
     "IndexError: list index out of range\n",
     kError},
    {"InAnAwait", "async def f(): raise ValueError('late')\nawait f()",
     "Traceback (most recent call last):\n    await f()\n    async def f(): raise "
     "ValueError('late')\n"
     "ValueError: late\n",
     kError},
    {"WhileHandling", "try:\n  1 / 0\nexcept ZeroDivisionError:\n  {}['a']",
     "Traceback (most recent call last):\n    1 / 0\nZeroDivisionError: division by zero\n\n"
     "During handling of the above exception, another exception occurred:\n\n"
     "Traceback (most recent call last):\n    {}['a']\nKeyError: 'a'\n",
     kError},
    {"RaisedFromNone",
     "try:\n  1 / 0\nexcept ZeroDivisionError:\n  raise ValueError('x') from None",
     "Traceback (most recent call last):\n    raise ValueError('x') from None\nValueError: x\n",
     kError},
    {"Syntax", "x = 1\nif x\n  pass",
     "Traceback (most recent call last):\n    if x\n        ^\nSyntaxError: expected ':'\n",
     kError},
    {"ReturnOutside", "x = 1\nreturn x",
     "Traceback (most recent call last):\n    return x\n    ^^^^^^^^\nSyntaxError: 'return' "
     "outside "
     "function\n",
     kError},
    {"SyntaxErrorRunsNothing", "print('never')\n1 +",
     "Traceback (most recent call last):\n    1 +\n       ^\nSyntaxError: invalid syntax\n",
     kError},
    {"Indentation", "x = 1\n y = 2",
     "Traceback (most recent call last):\n    y = 2\nIndentationError: unexpected indent\n",
     kError},
    {"Magic", "%matplotlib inline\n1",
     "Traceback (most recent call last):\n    %matplotlib inline\n    ^\nSyntaxError: IPython's "
     "magic "
     "and shell lines (%name, !command, name?) are not available: write plain Python\n",
     kError},
    {"Shell", "x = 1\n!pip install sympy",
     "Traceback (most recent call last):\n    !pip install sympy\n    ^\nSyntaxError: IPython's "
     "magic "
     "and shell lines (%name, !command, name?) are not available: write plain Python\n",
     kError},
    {"Help", "print?",
     "Traceback (most recent call last):\n    print?\n         ^\nSyntaxError: IPython's magic and "
     "shell lines (%name, !command, name?) are not available: write plain Python\n",
     kError},
    {"NoSuchPackage", "import matplotlib.pyplot as plt",
     "Traceback (most recent call last):\n    import matplotlib.pyplot as plt\n"
     "ModuleNotFoundError: No module named 'matplotlib'\n",
     kError},
    {"InputWithoutAny", "name = input('name? ')",
     "name? Traceback (most recent call last):\n    name = input('name? ')\n"
     "EOFError: EOF when reading a line\n",
     kError},
    {"HostileMessage", "class E(Exception):\n  def __str__(self): raise SystemExit(9)\nraise E",
     "Traceback (most recent call last):\n    raise E\nE: <exception str() failed>\n", kError},
};

// Texts that depend on the interpreter's version are given by how they begin.
TEST(NotebookTest, ErrorsAreShownAsInANotebook) {
  for (const Cell& cell : kErrors) {
    SCOPED_TRACE(cell.name);
    ExecuteRequest request;
    request.generated_code = cell.code;
    const ExecuteResult result = RunAlone(request);
    const std::string expected = cell.out;
    EXPECT_EQ(result.out.substr(0, expected.size()), expected);
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(result.process_status, cell.status);
  }
}

struct Step {
  const char* code;
  const char* out;
};

// One session: what a cell leaves for the next.
const Step kSteps[] = {
    {"x = 6", ""},
    {"x * 7", "42\n"},
    {"_ + 1", "43\n"},
    {"print('no value')", "no value\n"},
    {"_", "43\n"},
    {"class Point:\n  def __init__(self, x): self.x = x\n  def __repr__(self): return "
     "f'P({self.x})'",
     ""},
    {"p = Point(x)\np", "P(6)\n"},
    {"def area(r):\n  return r * scale", ""},
    {"area(2)",
     "Traceback (most recent call last):\n    area(2)\n    return r * scale\n"
     "NameError: name 'scale' is not defined\n"},
    {"scale = 10\narea(2)", "20\n"},
    {"import math", ""},
    {"math.isqrt(50)", "7\n"},
    {"import asyncio\nasync def later():\n  await asyncio.sleep(0)\n  return 'late'", ""},
    {"started = await asyncio.sleep(0, 'first')\nwaiting = asyncio.create_task(later())", ""},
    {"await waiting", "'late'\n"},
    {"g = iter(range(3))\nnext(g)", "0\n"},
    {"next(g), next(g)", "(1, 2)\n"},
    {"del x", ""},
    {"x", "Traceback (most recent call last):\n    x\nNameError: name 'x' is not defined\n"},
    {"import sys\nsys.exit(1)", ""},
    {"scale", "10\n"},
    {"sys.stdout = None", ""},
    {"print('back')", "back\n"},
    {"import builtins\nbuiltins.print = lambda *a: None", ""},
    {"sys.stdout.write('still\\n');", "still\n"},
};

TEST(NotebookTest, CellsBuildOnEachOther) {
  LocalSandbox& sandbox = SharedSandbox();
  for (const Step& step : kSteps) {
    SCOPED_TRACE(step.code);
    EXPECT_EQ(RunIn(sandbox, "steps", step.code).out, step.out);
  }
  sandbox.CloseSession("steps");
}

}  // namespace
}  // namespace qed
