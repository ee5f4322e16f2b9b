// Which hub is asked, by whom, and where its files are kept: what Hugging Face's own tools
// take from the environment.
// https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
#ifndef QED_FETCH_HUB_H_
#define QED_FETCH_HUB_H_

#include <string>

#include "base/status.h"
#include "net/http_message.h"

namespace qed {

struct Hub {
  Url endpoint;          // HF_ENDPOINT; its target has no slash at the end
  std::string token;     // HF_TOKEN, else the file HF_TOKEN_PATH or <home>/token; may be empty
  std::string cache;     // HF_HUB_CACHE, else <home>/hub
  bool offline = false;  // HF_HUB_OFFLINE

  // <home> is HF_HOME, else $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface.
  static Result<Hub> FromEnvironment();

  // The URL of a path below the endpoint.
  Url At(const std::string& path) const;
  // Whether a URL is of the host that may see the token.
  bool Owns(const Url& url) const;
};

}  // namespace qed

#endif  // QED_FETCH_HUB_H_
