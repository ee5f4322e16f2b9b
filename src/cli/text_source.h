// What a run's text comes from: a model in this process, or servers.
#ifndef QED_CLI_TEXT_SOURCE_H_
#define QED_CLI_TEXT_SOURCE_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "cli/model_session.h"
#include "config/remote_config.h"
#include "solve/generator.h"
#include "solve/run_settings.h"
#include "text/prompt.h"

namespace qed {

class TextSource {
 public:
  virtual ~TextSource() = default;

  virtual Generator& generator() = 0;
  // The model's own; an error where it is not told or cannot be carried out.
  virtual Result<ChatWrapper> OwnChatWrapper() const = 0;
  // Whether prompts are whole (EngineGenerator::SetWholePrompts). Of servers the ids of
  // texts are asked without the tokens around them, whatever was said here.
  virtual void SetWholePrompts(bool) {}
  // What of it the samples depend on.
  virtual void AddSettings(RunSettings& settings) const = 0;
  virtual std::string model() const = 0;
  virtual std::string server() const = 0;  // its URLs; empty: none
  // What drafts did so far, one line; empty: there were none, or a server's.
  virtual std::string draft_report() const { return ""; }

  static Result<std::unique_ptr<TextSource>> OpenModel(const ModelFlags& flags);
  // At most `max_samples` at a time; 0: no limit. The API key comes from the
  // environment: QED_API_KEY, else OPENAI_API_KEY. Lines about servers that go and
  // come are printed to stderr.
  static Result<std::unique_ptr<TextSource>> OpenServers(const RemoteConfig& config,
                                                         int32_t max_seq_len, int32_t max_samples);
};

}  // namespace qed

#endif  // QED_CLI_TEXT_SOURCE_H_
