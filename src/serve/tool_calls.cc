#include "serve/tool_calls.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "base/trim.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;
constexpr std::string_view kPythonTag = "<|python_tag|>";

struct Tag {
  std::string_view begin, end;
};
constexpr std::array<Tag, 2> kTags = {
    {{"<tool_call>", "</tool_call>"}, {"<function=", "</function>"}}};
constexpr size_t kHermesTag = 0;

// How much of the end of `text` may be the beginning of a tag.
size_t HeldForTag(std::string_view text) {
  size_t held = 0;
  for (const Tag& tag : kTags) {
    for (size_t size = std::min(text.size(), tag.begin.size() - 1); size > held; --size) {
      if (text.ends_with(tag.begin.substr(0, size))) held = size;
    }
  }
  return held;
}

// Whether a text that begins with "{" may become a call: its first key is one that calls
// have, as far as it is there.
bool MayBeCall(std::string_view text) {
  const std::string_view rest = text.substr(1);
  const size_t key = rest.find_first_not_of(kBlanks);
  if (key == std::string_view::npos) return true;
  constexpr std::string_view kKeys[] = {"\"name\"", "\"type\"", "\"function\"", "\"parameters\"",
                                        "\"arguments\""};
  return std::ranges::any_of(kKeys, [&](std::string_view wanted) {
    return rest.substr(key, wanted.size()) == wanted.substr(0, rest.size() - key);
  });
}

const Json* Member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

// Arguments as the API has them: the text of a JSON object. Some models write that
// text into a string.
std::optional<std::string> ArgumentsText(const Json* arguments) {
  if (arguments == nullptr || arguments->is_null()) return "{}";
  if (arguments->is_object()) return DumpJson(*arguments);
  if (!arguments->is_string()) return std::nullopt;
  const auto parsed =
      ParseOrderedJson(arguments->get_ref<const std::string&>(), {.max_depth = kMaxDepth});
  if (!parsed.ok() || !parsed->is_object()) return std::nullopt;
  return DumpJson(*parsed);
}

}  // namespace

ToolCallForm ToolCallFormOf(std::string_view chat_template) {
  const auto has = [&](std::string_view text) {
    return chat_template.find(text) != std::string_view::npos;
  };
  const bool llama = has(kPythonTag) || (has("<|start_header_id|>") && has("parameters"));
  return llama && !has("<tool_call>") ? ToolCallForm::kLlama : ToolCallForm::kHermes;
}

std::string BeginCall(ToolCallForm form, const std::string& function) {
  const bool hermes = form == ToolCallForm::kHermes;
  std::string text = hermes ? "<tool_call>\n{\"name\": " : "{\"name\": ";
  if (function.empty()) return text + '"';
  return text + DumpJson(Json(function)) + (hermes ? ", \"arguments\": {" : ", \"parameters\": {");
}

ToolCallReader::ToolCallReader(ToolCallOptions options)
    : options_(std::move(options)), held_(options_.begun) {}

std::vector<ToolCallPiece> ToolCallReader::Push(std::string_view text) {
  held_ += text;
  while (Step()) {
  }
  return std::exchange(out_, {});
}

bool ToolCallReader::Step() {
  switch (state_) {
    case State::kStart:
      return Start();
    case State::kText:
      return ReadText();
    case State::kTagged:
      return ReadTagged();
    case State::kBare:
      return ReadBare();
  }
  return false;
}

// At the beginning, and after a bare call.
bool ToolCallReader::Start() {
  const bool after_call = calls_ > 0;
  const size_t begin = held_.find_first_not_of(after_call ? " \t\r\n;" : kBlanks);
  if (begin == std::string::npos) return false;
  const std::string_view rest = std::string_view(held_).substr(begin);
  if (rest[0] == '{') {
    if (!after_call) blanks_ = held_.substr(0, begin);
    Drop(begin, State::kBare);
  } else if (rest.starts_with(kPythonTag)) {
    Drop(begin + kPythonTag.size(), State::kStart);
  } else if (kPythonTag.starts_with(rest)) {
    return false;
  } else {
    state_ = State::kText;
  }
  return true;
}

bool ToolCallReader::ReadText() {
  size_t first = std::string::npos;
  for (size_t i = 0; i < kTags.size(); ++i) {
    const size_t at = held_.find(kTags[i].begin);
    if (at >= first) continue;
    first = at;
    tag_ = i;
  }
  if (first == std::string::npos) {
    const size_t certain = held_.size() - HeldForTag(held_);
    EmitText(std::string_view(held_).substr(0, certain));
    held_.erase(0, certain);
    return false;
  }
  EmitText(std::string_view(held_).substr(0, first));
  Drop(first, State::kTagged);
  return true;
}

bool ToolCallReader::ReadTagged() {
  const Tag& tag = kTags[tag_];
  const size_t end = held_.find(tag.end, std::max(searched_, tag.begin.size()));
  if (end == std::string::npos) {
    searched_ = held_.size() - std::min(held_.size(), tag.end.size() - 1);
    return false;
  }
  const size_t after = end + tag.end.size();
  const std::string_view body(held_.data() + tag.begin.size(), end - tag.begin.size());
  std::optional<ToolCall> call = ParseTagged(body);
  if (!call) call = BegunCall(end);
  if (call) {
    EmitCall(*std::move(call));
  } else {
    EmitText(std::string_view(held_).substr(0, after));
  }
  Drop(after, State::kText);
  return true;
}

bool ToolCallReader::ReadBare() {
  const size_t end = MayBeCall(held_) ? EndOfObject() : std::string::npos;
  if (end == std::string::npos) {
    if (MayBeCall(held_)) return false;
    state_ = State::kText;
    return true;
  }
  std::optional<ToolCall> call = ParseObject(std::string_view(held_).substr(0, end), true);
  if (!call) call = BegunCall(end);
  if (!call) {
    state_ = State::kText;
    return true;
  }
  EmitCall(*std::move(call));
  Drop(end, State::kStart);
  return true;
}

// The call that was begun for the model, whatever became of it: its arguments are the
// object that it wrote, or as much as there is of it before `end`.
std::optional<ToolCall> ToolCallReader::BegunCall(size_t end) {
  if (options_.required.empty() || calls_ > 0 || !held_.starts_with(options_.begun)) {
    return std::nullopt;
  }
  const size_t begin = options_.begun.size() - 1;  // at the brace
  scan_ = {.pos = begin};
  const size_t object_end = std::min(EndOfObject(), end);
  return ToolCall{
      options_.required,
      std::string(TrimBlanks(std::string_view(held_).substr(begin, object_end - begin)))};
}

// Behind the last brace of the object that is being scanned; npos: it is not complete.
size_t ToolCallReader::EndOfObject() {
  for (; scan_.pos < held_.size(); ++scan_.pos) {
    const char c = held_[scan_.pos];
    if (scan_.escaped) {
      scan_.escaped = false;
    } else if (scan_.in_string) {
      scan_.escaped = c == '\\';
      scan_.in_string = c != '"';
    } else if (c == '"') {
      scan_.in_string = true;
    } else if (c == '{' || c == '[') {
      ++scan_.depth;
    } else if ((c == '}' || c == ']') && --scan_.depth == 0) {
      return ++scan_.pos;
    }
  }
  return std::string::npos;
}

std::optional<ToolCall> ToolCallReader::ParseObject(std::string_view text, bool known_only) const {
  const Result<Json> json = ParseOrderedJson(text, {.max_depth = kMaxDepth});
  if (!json.ok() || !json->is_object()) return std::nullopt;
  const Json* object = &*json;
  if (const Json* inner = Member(*object, "function"); inner != nullptr && inner->is_object()) {
    object = inner;
  }
  const Json* name = Member(*object, "name");
  if (name == nullptr || !name->is_string() || name->get_ref<const std::string&>().empty()) {
    return std::nullopt;
  }
  const Json* arguments = Member(*object, "arguments");
  if (arguments == nullptr) arguments = Member(*object, "parameters");
  const std::optional<std::string> written = ArgumentsText(arguments);
  if (!written) return std::nullopt;
  ToolCall call{name->get<std::string>(), *written};
  // Without tags, an object is a call only of a function that there is.
  if (known_only && std::ranges::find(options_.functions, call.name) == options_.functions.end()) {
    return std::nullopt;
  }
  return call;
}

std::optional<ToolCall> ToolCallReader::ParseTagged(std::string_view body) const {
  if (tag_ == kHermesTag) return ParseObject(TrimBlanks(body), false);
  const size_t name_end = body.find('>');
  if (name_end == std::string_view::npos || name_end == 0) return std::nullopt;
  const Result<Json> json =
      ParseOrderedJson(TrimBlanks(body.substr(name_end + 1)), {.max_depth = kMaxDepth});
  if (!json.ok() || !json->is_object()) return std::nullopt;
  return ToolCall{std::string(body.substr(0, name_end)), DumpJson(*json)};
}

std::vector<ToolCallPiece> ToolCallReader::Finish() {
  std::optional<ToolCall> call;
  if (state_ == State::kTagged) {
    call = ParseTagged(std::string_view(held_).substr(kTags[tag_].begin.size()));
  }
  if (!call) call = BegunCall(held_.size());
  if (call) {
    EmitCall(*std::move(call));
  } else if (state_ != State::kStart || calls_ == 0) {
    EmitText(held_);
  }
  held_.clear();
  if (calls_ == 0 && !blanks_.empty()) out_.push_back({std::exchange(blanks_, ""), std::nullopt});
  return std::exchange(out_, {});
}

void ToolCallReader::EmitText(std::string_view text) {
  const size_t last = text.find_last_not_of(kBlanks);
  if (last == std::string_view::npos) {
    blanks_ += text;
    return;
  }
  // Behind a call, the white space that ends its line is not text.
  std::string piece = std::exchange(blanks_, std::string(text.substr(last + 1)));
  piece += text.substr(0, last + 1);
  out_.push_back({std::move(piece), std::nullopt});
}

void ToolCallReader::EmitCall(ToolCall call) {
  blanks_.clear();
  if (calls_ > 0 && !options_.parallel) return;
  ++calls_;
  out_.push_back({"", std::move(call)});
}

void ToolCallReader::Drop(size_t end, State next) {
  held_.erase(0, end);
  searched_ = 0;
  scan_ = {};
  state_ = next;
}

}  // namespace qed
