// The model behind a server, as its parts see it.
#ifndef QED_SERVE_SERVED_MODEL_H_
#define QED_SERVE_SERVED_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/engine_config.h"
#include "engine/engine.h"
#include "sandbox/client.h"
#include "serve/api_request.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace qed {

// All that is referred to must outlive the server.
struct ServedModel {
  Engine& engine;
  const Tokenizer& tokenizer;
  const ChatTemplate* chat_template = nullptr;                      // null: none that can be used
  std::string no_chat_template = "the model has no chat template";  // why that is so
  SandboxClient* sandbox = nullptr;                                 // null: none
  std::string name;                                                 // in replies
  std::vector<std::string> aliases;  // other names that requests may call it by
  int32_t max_batch_size = 0;        // of the engine
  // Without a step while there is work: not healthy.
  double stall_seconds = EngineConfig{}.stall_seconds;
  SamplingParams defaults;  // where a request says nothing
};

}  // namespace qed

#endif  // QED_SERVE_SERVED_MODEL_H_
