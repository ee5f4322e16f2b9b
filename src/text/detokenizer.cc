#include "text/detokenizer.h"

#include "text/unicode.h"

namespace qed {

void Detokenizer::Push(int32_t id, std::string& out) {
  if (skip_special_ && tokenizer_->IsSpecial(id)) return;
  pending_.append(tokenizer_->TokenBytes(id));
  const size_t held = IncompleteUtf8Suffix(pending_);
  AppendValidUtf8(std::string_view(pending_).substr(0, pending_.size() - held), out);
  pending_.erase(0, pending_.size() - held);
}

void Detokenizer::Finish(std::string& out) {
  AppendValidUtf8(pending_, out);
  pending_.clear();
}

}  // namespace qed
