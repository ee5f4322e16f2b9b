// What travels over HTTP/1.1: requests, responses, URLs.
#ifndef QED_NET_HTTP_MESSAGE_H_
#define QED_NET_HTTP_MESSAGE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace qed {

// Header fields in the order of arrival; names compare without case.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<std::pair<std::string, std::string>> fields)
      : fields_(fields) {}

  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // The first field of that name, or null.
  const std::string* Find(std::string_view name) const;
  // How many fields have that name.
  size_t Count(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;  // as sent, for example "POST"
  std::string target;  // as sent, for example "/sessions/a%20b?x=1"
  std::string path;    // of the target, percent-decoded: "/sessions/a b"
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  HttpHeaders headers;
  std::string body;  // without chunked coding
  std::string peer;  // address and port of the other side
  // The body's share of what a server may hold (HttpServerConfig::max_buffered_bytes):
  // whoever keeps the body, or what was read out of it, keeps this beside it.
  std::shared_ptr<const void> memory;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;  // without Content-Length, Transfer-Encoding and Connection: those are set
  std::string body;
};

// A response with a JSON text as its body.
HttpResponse JsonResponse(int status, std::string json);
// {"error": message} with the status.
HttpResponse JsonError(int status, std::string_view message);

// "Not Found" for 404; "" for numbers without a name.
std::string_view HttpReason(int status);

bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// nullopt: a "%" without two hexadecimal digits. `plus_is_space` as in queries.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);
// Everything but letters, digits and "-._~" as %XX.
std::string PercentEncode(std::string_view text);

struct Url {
  std::string host;    // name or address, without the brackets of IPv6
  std::string port;    // digits; where the text has none "80", of https "443"
  std::string target;  // path and query, at least "/"
  bool tls = false;    // https

  // host:port, as the Host header and messages show it.
  std::string Authority() const;
  // "https://host:port", without the target.
  std::string Origin() const;
};

// An absolute http:// or https:// URL. Other schemes, user names and fragments are
// errors that say so.
Result<Url> ParseUrl(std::string_view text);

}  // namespace qed

#endif  // QED_NET_HTTP_MESSAGE_H_
