// Who may ask an HTTP server, decided by a request's method, target and header
// before its body is read. What it keeps out:
//
//   web pages of others: a request that names an Origin (RFC 6454) which is not
//     the server's own gets 403, unless the origin is one of --cors-origin; then
//     its preflights are answered and replies can be read (the Fetch standard).
//   pages whose name was made to point here (DNS rebinding): a Host that is none
//     of the server's names gets 403. Names are localhost, loopback addresses,
//     --host, --allowed-host; off the loopback this machine's own name too, and
//     where every address is listened on, any address (an address cannot be
//     rebound).
//   forms and scripts that need no preflight: a body that is not application/json
//     gets 415.
//   strangers: with a key, a request without "Authorization: Bearer KEY" gets 401.
//     Basic with the key as the password is as good, for browsers.
#ifndef QED_NET_REQUEST_GUARD_H_
#define QED_NET_REQUEST_GUARD_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/access_config.h"
#include "net/http_message.h"

namespace qed {

struct Refusal {
  int status = 403;
  std::string message;  // one line
  HttpHeaders headers;
};

// Thread-safe: nothing changes.
class RequestGuard {
 public:
  // For a server that listens on `host`. Errors name the flag: a key that cannot be
  // read or sent, a host or origin that is none.
  static Result<std::shared_ptr<const RequestGuard>> Create(const AccessConfig& config,
                                                            const std::string& host);

  // nullopt: let it through. The body is not looked at.
  std::optional<Refusal> Check(const HttpRequest& request) const;
  // What a browser asks before it lets a page of another origin send something;
  // nullopt: it is no such question. REQUIRES: Check let it through.
  std::optional<HttpResponse> AnswerPreflight(const HttpRequest& request) const;
  // The fields of every answer with which a page of another origin may read it.
  HttpHeaders ReplyHeaders(const HttpRequest& request) const;

  bool has_key() const { return !key_.empty(); }

 private:
  RequestGuard() = default;
  bool IsOurName(std::string_view authority) const;
  bool IsAllowedOrigin(std::string_view origin) const;
  std::optional<Refusal> CheckHost(const HttpRequest& request) const;
  std::optional<Refusal> CheckOrigin(const HttpRequest& request) const;
  std::optional<Refusal> CheckKey(const HttpRequest& request) const;

  std::vector<std::string> names_;  // hosts, in lower case
  bool any_name_ = false;
  bool any_address_ = false;
  std::vector<std::string> origins_;
  bool any_origin_ = false;
  std::string key_;
};

// QED_API_KEY of the environment, or empty.
std::string ApiKeyOfEnvironment();

}  // namespace qed

#endif  // QED_NET_REQUEST_GUARD_H_
