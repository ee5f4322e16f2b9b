#include "net/request_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "base/host_name.h"
#include "base/trim.h"

namespace qed {
namespace {

constexpr size_t kMaxKeyBytes = 4096;
constexpr std::string_view kJson = "application/json";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// The host of "host", "host:port", "[v6]" or "[v6]:port", in lower case, without
// brackets and the dot at its end; empty where it is none of them.
std::string HostOf(std::string_view authority) {
  std::string_view host = authority;
  std::string_view rest;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == host.npos) return "";
    rest = host.substr(end + 1);
    host = host.substr(1, end - 1);
    if (host.find(':') == host.npos) return "";
  } else {
    const size_t colon = std::min(host.find(':'), host.size());
    rest = host.substr(colon);
    host = host.substr(0, colon);
  }
  const bool port_is_right = rest.empty() || (rest[0] == ':' && rest.size() <= 6 &&
                                              rest.find_first_not_of("0123456789", 1) == rest.npos);
  if (!port_is_right) return "";
  if (host.ends_with('.')) host.remove_suffix(1);
  return Lower(host);
}

struct Address {
  bool is_one = false;
  bool is_loopback = false;
  bool is_wildcard = false;
};

Address ReadAddress(const std::string& host) {
  in_addr v4;
  in6_addr v6;
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    const uint32_t number = ntohl(v4.s_addr);
    return {true, number >> 24 == 127, number == 0};
  }
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    return {true, IN6_IS_ADDR_LOOPBACK(&v6) != 0, IN6_IS_ADDR_UNSPECIFIED(&v6) != 0};
  }
  return {};
}

bool IsLoopbackName(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || ReadAddress(host).is_loopback;
}

// "http://host:port" without the port that the scheme has by itself; empty: it is
// none. "null" of a page that hides its origin is none.
std::string NormalOrigin(std::string_view text) {
  const std::string origin = Lower(text);
  const size_t mark = origin.find("://");
  if (mark == origin.npos || mark == 0) return "";
  const std::string scheme = origin.substr(0, mark);
  std::string authority = origin.substr(mark + 3);
  if (HostOf(authority).empty() || authority.find('/') != authority.npos) return "";
  const std::string usual = scheme == "http" ? ":80" : scheme == "https" ? ":443" : "";
  if (!usual.empty() && authority.ends_with(usual)) {
    authority.resize(authority.size() - usual.size());
  }
  return scheme + "://" + authority;
}

// The page is the server's own, behind a proxy that speaks TLS or not.
bool IsSameOrigin(std::string_view origin, std::string_view host) {
  const std::string normal = NormalOrigin(origin);
  if (normal.empty()) return false;
  for (const char* scheme : {"http://", "https://"}) {
    if (NormalOrigin(std::string(scheme).append(host)) == normal) return true;
  }
  return false;
}

bool HasBody(const HttpRequest& request) {
  const std::string* length = request.headers.Find("Content-Length");
  return request.headers.Find("Transfer-Encoding") != nullptr ||
         (length != nullptr && length->find_first_not_of('0') != length->npos);
}

std::optional<Refusal> CheckType(const HttpRequest& request) {
  if (!HasBody(request)) return std::nullopt;
  const std::string* field = request.headers.Find("Content-Type");
  const std::string_view whole = field != nullptr ? *field : std::string_view();
  const std::string_view type = TrimBlanks(whole.substr(0, whole.find(';')));
  if (request.headers.Count("Content-Type") == 1 && EqualsIgnoreCase(type, kJson)) {
    return std::nullopt;
  }
  return Refusal{
      415,
      "the body must be JSON: send the header Content-Type: application/json (curl --json)",
      {}};
}

// In time that does not tell where they differ.
bool SameKey(std::string_view given, std::string_view key) {
  unsigned char difference = given.size() == key.size() ? 0 : 1;
  for (size_t i = 0; i < key.size(); ++i) {
    const char c = i < given.size() ? given[i] : '\0';
    difference |= static_cast<unsigned char>(c ^ key[i]);
  }
  return difference == 0;
}

// nullopt: not base64 (RFC 4648).
std::optional<std::string> DecodeBase64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xfff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

Result<std::string> ReadKey(const std::string& path) {
  if (path.empty()) return ApiKeyOfEnvironment();
  Result<std::string> file = ReadFile(path, kMaxKeyBytes);
  if (!file.ok()) return file.status().WithPrefix("--api-key");
  std::string key(TrimBlanks(*file));
  if (key.empty()) return InvalidArgument("--api-key: " + path + " is empty");
  return key;
}

}  // namespace

std::string ApiKeyOfEnvironment() {
  const char* key = std::getenv("QED_API_KEY");
  return key != nullptr ? key : "";
}

Result<std::shared_ptr<const RequestGuard>> RequestGuard::Create(const AccessConfig& config,
                                                                 const std::string& host) {
  std::shared_ptr<RequestGuard> guard(new RequestGuard);
  for (const std::string& name : config.allowed_host) {
    guard->any_name_ |= name == "*";
    // As a Host header has it, or an IPv6 address without its brackets.
    const std::string plain = ReadAddress(name).is_one ? Lower(name) : HostOf(name);
    if (name != "*" && plain.empty()) {
      return InvalidArgument("--allowed-host " + name + " is no name of a host");
    }
    guard->names_.push_back(plain);
  }
  for (const std::string& origin : config.cors_origin) {
    guard->any_origin_ |= origin == "*";
    guard->origins_.push_back(NormalOrigin(origin));
    if (origin != "*" && guard->origins_.back().empty()) {
      return InvalidArgument("--cors-origin " + origin +
                             " is no origin; it should look like http://localhost:3000");
    }
  }
  guard->names_.push_back(Lower(host));
  if (!IsLoopbackName(Lower(host))) guard->names_.push_back(Lower(HostName()));
  guard->any_address_ = ReadAddress(host).is_wildcard;
  QED_ASSIGN_OR_RETURN(guard->key_, ReadKey(config.api_key));
  const auto can_travel = [](char c) { return c > ' ' && c < 0x7f; };
  if (!std::all_of(guard->key_.begin(), guard->key_.end(), can_travel)) {
    return InvalidArgument(config.api_key.empty()
                               ? "QED_API_KEY must be of visible ASCII characters without spaces"
                               : "--api-key: the key in " + config.api_key +
                                     " must be of visible ASCII characters without spaces");
  }
  return std::shared_ptr<const RequestGuard>(std::move(guard));
}

bool RequestGuard::IsOurName(std::string_view authority) const {
  const std::string host = HostOf(authority);
  if (host.empty()) return false;
  if (any_name_ || IsLoopbackName(host)) return true;
  if (any_address_ && ReadAddress(host).is_one) return true;
  return std::find(names_.begin(), names_.end(), host) != names_.end();
}

std::optional<Refusal> RequestGuard::CheckHost(const HttpRequest& request) const {
  std::vector<std::string> named;
  if (const std::string* host = request.headers.Find("Host")) named.push_back(*host);
  // A whole URL as the target outranks the header (RFC 9112, 3.2.2).
  const size_t mark = request.target.find("://");
  if (!request.target.starts_with('/') && mark != request.target.npos) {
    const std::string rest = request.target.substr(mark + 3);
    named.push_back(rest.substr(0, rest.find_first_of("/?#")));
  }
  for (const std::string& name : named) {
    if (IsOurName(name)) continue;
    return Refusal{403,
                   "this server is not known as \"" + name.substr(0, 200) +
                       "\": start it with --allowed-host to let clients ask for it by that name",
                   {}};
  }
  return std::nullopt;
}

bool RequestGuard::IsAllowedOrigin(std::string_view origin) const {
  if (any_origin_) return true;
  const std::string normal = NormalOrigin(origin);
  return !normal.empty() && std::find(origins_.begin(), origins_.end(), normal) != origins_.end();
}

std::optional<Refusal> RequestGuard::CheckOrigin(const HttpRequest& request) const {
  const std::string* origin = request.headers.Find("Origin");
  if (origin == nullptr) return std::nullopt;
  const std::string* host = request.headers.Find("Host");
  const bool alone = request.headers.Count("Origin") == 1;
  if (alone && IsAllowedOrigin(*origin)) return std::nullopt;
  if (alone && host != nullptr && IsSameOrigin(*origin, *host)) return std::nullopt;
  return Refusal{403,
                 "pages of " + origin->substr(0, 200) +
                     " may not ask this server: start it with --cors-origin to let them",
                 {}};
}

std::optional<Refusal> RequestGuard::CheckKey(const HttpRequest& request) const {
  if (key_.empty()) return std::nullopt;
  const std::string* field = request.headers.Find("Authorization");
  if (field != nullptr && request.headers.Count("Authorization") == 1) {
    const size_t space = std::min(field->find(' '), field->size());
    const std::string_view scheme = std::string_view(*field).substr(0, space);
    const std::string_view given = TrimBlanks(std::string_view(*field).substr(space));
    if (EqualsIgnoreCase(scheme, "Bearer") && SameKey(given, key_)) return std::nullopt;
    if (EqualsIgnoreCase(scheme, "Basic")) {
      const std::string decoded = DecodeBase64(given).value_or("");
      const size_t colon = std::min(decoded.find(':'), decoded.size() - 1);
      if (!decoded.empty() && SameKey(decoded.substr(colon + 1), key_)) return std::nullopt;
    }
  }
  Refusal refusal{401, "this server wants its key: send the header Authorization: Bearer KEY", {}};
  refusal.headers.Add("WWW-Authenticate", "Bearer");
  refusal.headers.Add("WWW-Authenticate", "Basic realm=\"qed: the key is the password\"");
  return refusal;
}

std::optional<Refusal> RequestGuard::Check(const HttpRequest& request) const {
  if (auto refusal = CheckHost(request)) return refusal;
  if (auto refusal = CheckOrigin(request)) return refusal;
  // Browsers ask beforehand without the key.
  if (AnswerPreflight(request)) return std::nullopt;
  if (auto refusal = CheckKey(request)) return refusal;
  return CheckType(request);
}

std::optional<HttpResponse> RequestGuard::AnswerPreflight(const HttpRequest& request) const {
  const std::string* asked = request.headers.Find("Access-Control-Request-Headers");
  if (request.method != "OPTIONS" || request.headers.Find("Origin") == nullptr ||
      request.headers.Find("Access-Control-Request-Method") == nullptr) {
    return std::nullopt;
  }
  HttpResponse response;
  response.status = 204;
  response.headers.Add("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE");
  // Clients send fields of their own; what they mean is for the routes to say.
  if (asked != nullptr) response.headers.Add("Access-Control-Allow-Headers", *asked);
  if (request.headers.Find("Access-Control-Request-Private-Network") != nullptr) {
    response.headers.Add("Access-Control-Allow-Private-Network", "true");
  }
  response.headers.Add("Access-Control-Max-Age", "600");
  return response;
}

HttpHeaders RequestGuard::ReplyHeaders(const HttpRequest& request) const {
  HttpHeaders headers;
  const std::string* origin = request.headers.Find("Origin");
  if (origin == nullptr || !IsAllowedOrigin(*origin)) return headers;
  headers.Add("Access-Control-Allow-Origin", any_origin_ ? "*" : *origin);
  headers.Add("Access-Control-Expose-Headers", "X-Request-ID, Retry-After");
  if (!any_origin_) headers.Add("Vary", "Origin");
  return headers;
}

}  // namespace qed
