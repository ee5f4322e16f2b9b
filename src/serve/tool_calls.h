// Calls of functions in what a model writes, as the text comes: the form of Hermes and
// Qwen,
//   <tool_call>{"name": "f", "arguments": {...}}</tool_call>
// and those of Llama: nothing but
//   {"name": "f", "parameters": {...}}
// (several of them with ";" or white space between, after a <|python_tag|> or not), or
//   <function=f>{...}</function>.
// What looks like a call and is none stays text: nothing is lost.
#ifndef QED_SERVE_TOOL_CALLS_H_
#define QED_SERVE_TOOL_CALLS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qed {

enum class ToolCallForm { kHermes, kLlama };

// The form that a checkpoint's chat template teaches its model.
ToolCallForm ToolCallFormOf(std::string_view chat_template);

// With what the model's text is begun so that it is a call: of `function`, up to the brace
// of its arguments, or with an empty name of any.
std::string BeginCall(ToolCallForm form, const std::string& function);

struct ToolCall {
  std::string name;
  std::string arguments;  // JSON
};

// Text or a call, in the order in which they were written.
struct ToolCallPiece {
  std::string text;
  std::optional<ToolCall> call;
};

struct ToolCallOptions {
  std::vector<std::string> functions;  // of the request
  bool parallel = true;                // false: calls after the first are left out
  std::string begun;                   // the text begins with it already; see BeginCall
  std::string required;                // the function that `begun` names, if it does
};

// One text. Push gives each piece once, as soon as it is certain. White space before a call
// goes with it, and so does what is left of it at the end of a text with calls.
class ToolCallReader {
 public:
  explicit ToolCallReader(ToolCallOptions options);

  std::vector<ToolCallPiece> Push(std::string_view text);
  // The end of the text: what was held back. A call without its end tag counts if it is
  // complete otherwise; one that was begun for the model with its name counts in any
  // case, its arguments as far as they were written.
  std::vector<ToolCallPiece> Finish();

  int calls() const { return calls_; }

 private:
  enum class State { kStart, kText, kTagged, kBare };
  // Of a JSON object that is being written.
  struct ObjectScan {
    size_t pos = 0;
    int depth = 0;
    bool in_string = false, escaped = false;
  };

  // Each does one thing with what is held; false: more text is needed.
  bool Step();
  bool Start();
  bool ReadText();
  bool ReadTagged();
  bool ReadBare();

  void EmitText(std::string_view text);
  void EmitCall(ToolCall call);
  // The held text from `end` on is what follows.
  void Drop(size_t end, State next);
  std::optional<ToolCall> ParseObject(std::string_view json, bool known_only) const;
  std::optional<ToolCall> ParseTagged(std::string_view body) const;
  std::optional<ToolCall> BegunCall(size_t end);
  size_t EndOfObject();

  const ToolCallOptions options_;
  State state_ = State::kStart;
  std::string held_;
  size_t searched_ = 0;  // of held_: has no end tag
  size_t tag_ = 0;       // kTagged: which of the tags
  ObjectScan scan_;      // kBare
  std::string blanks_;   // white space that is text only if text follows
  std::vector<ToolCallPiece> out_;
  int calls_ = 0;
};

}  // namespace qed

#endif  // QED_SERVE_TOOL_CALLS_H_
