// Any text as a chat template: it compiles or not, renders or not, within limits.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* messages = new nlohmann::ordered_json(nlohmann::ordered_json::parse(
      R"([{"role": "system", "content": "s"}, {"role": "user", "content": "grün"},
          {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f"}}]}])"));
  const auto chat =
      qed::ChatTemplate::Compile({reinterpret_cast<const char*>(data), size}, "<s>", "</s>");
  if (!chat.ok()) return 0;
  qed::ChatInput input;
  input.messages = *messages;
  (void)chat->Render(input, {}).ok();
  return 0;
}
