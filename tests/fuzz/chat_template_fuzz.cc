// Chat templates from hostile checkpoints: compiled, and rendered over a chat.
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "nlohmann/json.hpp"
#include "text/jinja/budget.h"
#include "text/jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace qed::jinja;
  const auto compiled = Template::Compile({reinterpret_cast<const char*>(data), size});
  if (!compiled.ok()) return 0;
  static const auto* const kInput = new nlohmann::ordered_json(nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "\u00e9"},
                 {"role": "assistant", "content": null, "tool_calls": [{"n": 1.5}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": [1, 2]}}}]})"));
  // A part of the usual budget: what is looked for is not how long a second takes.
  Budget budget({.work = 2'000'000, .bytes = 4 << 20});
  const auto context = FromJson(*kInput, budget);
  (void)compiled->Render(context->dict(), std::tm{}, budget);
  return 0;
}
