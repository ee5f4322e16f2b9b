// Programs in a model's text, and their output as the model sees it.
#ifndef QED_SOLVE_CODE_BLOCK_H_
#define QED_SOLVE_CODE_BLOCK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/client.h"
#include "text/prompt.h"

namespace qed {

// The program of a stretch of generated text that ended with `tags.code_end`:
// what lies between the last `code_begin` and that end, without blank lines
// around it. A block opened earlier and never closed is plain text. None where
// no block is open at the end.
// REQUIRES: `text` ends with tags.code_end.
std::optional<std::string> ClosedCodeBlock(std::string_view text, const CodeTags& tags);

// The text before a program at its end that was begun and not ended; all of it where
// there is none.
std::string_view BeforeOpenCodeBlock(std::string_view text, const CodeTags& tags);

// What is appended after a program: its output between the output tags.
std::string FormatCodeOutput(const ExecuteResult& result, const CodeTags& tags);

// What OpenMath models are told after an output when `remaining` more programs
// may be run. The wording is the one they were trained on (NeMo-Skills,
// nemo_skills/code_execution/utils.py).
std::string RemainingCallsNotice(int32_t remaining);

}  // namespace qed

#endif  // QED_SOLVE_CODE_BLOCK_H_
