#include "fetch/hub.h"

#include <algorithm>
#include <cstdlib>

#include "base/file.h"

namespace qed {
namespace {

constexpr size_t kMaxTokenBytes = 4096;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsTrue(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

// "~" at the beginning is the home folder, as a shell would have it.
std::string Expanded(const std::string& path) {
  const bool in_home = path == "~" || path.starts_with("~/");
  return in_home ? Variable("HOME") + path.substr(1) : path;
}

std::string HubHome() {
  if (const std::string home = Variable("HF_HOME"); !home.empty()) return Expanded(home);
  std::string cache = Variable("XDG_CACHE_HOME");
  if (cache.empty()) cache = "~/.cache";
  return Expanded(cache) + "/huggingface";
}

Result<std::string> CheckedToken(std::string token, const std::string& source) {
  constexpr char kSpace[] = " \t\r\n";
  token.erase(0, std::min(token.find_first_not_of(kSpace), token.size()));
  token.erase(token.find_last_not_of(kSpace) + 1);
  const bool clean =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!clean)
    return InvalidArgument(source + " holds no usable token: it has spaces or other signs");
  return token;
}

Result<std::string> FindToken(const std::string& home) {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (const std::string token = Variable(name); !token.empty()) return CheckedToken(token, name);
  }
  std::string path = Expanded(Variable("HF_TOKEN_PATH"));
  if (path.empty()) path = home + "/token";
  const Result<std::string> text = ReadFile(path, kMaxTokenBytes);
  if (!text.ok()) return std::string();  // Nobody has logged in.
  return CheckedToken(*text, path);
}

}  // namespace

Result<Hub> Hub::FromEnvironment() {
  Hub hub;
  std::string endpoint = Variable("HF_ENDPOINT");
  if (endpoint.empty()) endpoint = "https://huggingface.co";
  Result<Url> url = ParseUrl(endpoint);
  if (!url.ok()) return url.status().WithPrefix("HF_ENDPOINT");
  hub.endpoint = *std::move(url);
  while (hub.endpoint.target.ends_with('/')) hub.endpoint.target.pop_back();

  const std::string home = HubHome();
  hub.cache = Expanded(Variable("HF_HUB_CACHE"));
  if (hub.cache.empty()) hub.cache = Expanded(Variable("HUGGINGFACE_HUB_CACHE"));
  if (hub.cache.empty()) hub.cache = home + "/hub";
  QED_ASSIGN_OR_RETURN(hub.token, FindToken(home));
  hub.offline = IsTrue(Variable("HF_HUB_OFFLINE")) || IsTrue(Variable("TRANSFORMERS_OFFLINE"));
  return hub;
}

Url Hub::At(const std::string& path) const {
  Url url = endpoint;
  url.target += path;
  return url;
}

bool Hub::Owns(const Url& url) const {
  return EqualsIgnoreCase(url.host, endpoint.host) && url.port == endpoint.port &&
         url.tls == endpoint.tls;
}

}  // namespace qed
