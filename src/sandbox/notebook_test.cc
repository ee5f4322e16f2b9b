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
     "PermissionError\n"},
};

TEST(NotebookTest, InputIsWhatCameAlong) {
  ExecuteRequest request;
  request.std_input = "one\n2\n\u03c0";
  ExpectCells(kInput, request);
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

}  // namespace
}  // namespace qed
