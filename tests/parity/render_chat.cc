// Renders chat templates for tests/parity/chat_template_parity.py: a line of JSON
// in ({"template", "bos", "eos", "messages", "tools", "add_generation_prompt",
// "extra"}), a line out ({"text"} or {"error"}).
#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>

#include "base/json.h"
#include "nlohmann/json.hpp"
#include "text/chat_template.h"

namespace {

using nlohmann::ordered_json;

qed::Result<std::string> Render(const ordered_json& request) {
  QED_ASSIGN_OR_RETURN(const qed::ChatTemplate chat,
                       qed::ChatTemplate::Compile(request.at("template").get<std::string>(),
                                                  request.at("bos").get<std::string>(),
                                                  request.at("eos").get<std::string>()));
  qed::ChatInput input;
  input.messages = request.at("messages");
  input.tools = request.at("tools");
  input.add_generation_prompt = request.at("add_generation_prompt").get<bool>();
  input.extra = request.at("extra");
  const std::time_t now = std::time(nullptr);
  std::tm local = {};
  ::localtime_r(&now, &local);
  return chat.Render(input, local);
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const qed::Result<std::string> text = Render(ordered_json::parse(line));
    ordered_json reply;
    reply[text.ok() ? "text" : "error"] = text.ok() ? *text : text.status().message();
    std::printf("%s\n", qed::DumpJson(reply).c_str());
  }
  return 0;
}
