#include "fetch/hub_client.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

constexpr int kMaxRedirects = 10;
constexpr auto kFirstPause = std::chrono::milliseconds(200);
constexpr auto kLongestPause = std::chrono::seconds(8);
constexpr auto kReadTimeout = std::chrono::seconds(30);

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Where a redirect leads. Relative ones are taken from `from`.
Result<Url> RedirectTarget(const Url& from, const std::string& location) {
  const size_t scheme = location.find("://");
  if (scheme != location.npos && scheme < location.find_first_of("/?#")) {
    QED_ASSIGN_OR_RETURN(Url url, ParseUrl(location));
    if (!from.tls || url.tls) return url;
    return Corrupt(from.Authority() + " redirects from https to http, which is not followed");
  }
  if (location.starts_with("//")) {
    return ParseUrl((from.tls ? "https:" : "http:") + location);
  }
  Url url = from;
  if (location.starts_with('/')) {
    url.target = location;
  } else {
    const std::string path = from.target.substr(0, from.target.find('?'));
    url.target = path.substr(0, path.rfind('/') + 1) + location;
  }
  // Checks the target as the others were.
  return ParseUrl(url.Origin() + url.target);
}

// Without the quotes and the mark of a weak one.
std::string PlainEtag(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  std::erase(etag, '"');
  return etag;
}

bool IsDigest(const std::string& text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string EncodedPath(const std::string& path) {
  std::string out;
  size_t begin = 0;
  while (true) {
    const size_t slash = path.find('/', begin);
    out += PercentEncode(path.substr(begin, slash - begin));
    if (slash == path.npos) return out;
    out += '/';
    begin = slash + 1;
  }
}

std::string StringOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t SizeOf(const json& object) {
  const auto found = object.find("size");
  return found != object.end() && found->is_number_unsigned() ? found->get<int64_t>() : -1;
}

Result<HubFile> ParseFile(const json& entry) {
  HubFile file;
  if (!entry.is_object()) return Corrupt("the hub's list of files is not one");
  file.path = StringOf(entry, "rfilename");
  QED_RETURN_IF_ERROR(CheckFileName(file.path));
  file.size = SizeOf(entry);
  file.digest = StringOf(entry, "blobId");
  const auto lfs = entry.find("lfs");
  if (lfs != entry.end() && lfs->is_object()) {
    file.digest = StringOf(*lfs, lfs->contains("sha256") ? "sha256" : "oid");
    if (SizeOf(*lfs) >= 0) file.size = SizeOf(*lfs);
  }
  if (!IsDigest(file.digest)) file.digest.clear();
  return file;
}

double AskedPause(const HttpReply& reply) {
  const std::string* text = reply.response.headers.Find("Retry-After");
  return text == nullptr ? 0 : std::max(0.0, std::strtod(text->c_str(), nullptr));
}

}  // namespace

Result<HubListing> ParseListing(std::string_view body) {
  QED_ASSIGN_OR_RETURN(const json object, ParseJson(body));
  HubListing listing;
  if (object.is_object()) listing.commit = StringOf(object, "sha");
  const auto siblings = object.is_object() ? object.find("siblings") : object.end();
  if (!IsCommit(listing.commit) || siblings == object.end() || !siblings->is_array()) {
    return Corrupt("it has no commit (\"sha\") or no files (\"siblings\")");
  }
  for (const json& entry : *siblings) {
    QED_ASSIGN_OR_RETURN(HubFile file, ParseFile(entry));
    listing.files.push_back(std::move(file));
  }
  return listing;
}

Patience::Patience(double seconds, std::shared_ptr<const CancelToken> cancel)
    : limit_(ToDuration(seconds)), cancel_(std::move(cancel)) {
  Renew();
}

void Patience::Renew() {
  since_ = Clock::Real().Now();
  pause_ = kFirstPause;
}

bool Patience::Wait(const HttpReply& reply) {
  const Clock::Duration pause = std::max(pause_, ToDuration(std::min(AskedPause(reply), 86400.0)));
  pause_ = std::min<Clock::Duration>(pause_ * 2, kLongestPause);
  if (Clock::Real().Now() + pause > since_ + limit_) return false;
  pollfd wait = {cancel_ != nullptr ? cancel_->fd() : -1, POLLIN, 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(pause).count();
  return ::poll(&wait, 1, static_cast<int>(milliseconds)) <= 0;
}

bool IsPassing(const HttpReply& reply) {
  if (!reply.status.ok()) {
    return reply.status.code() == StatusCode::kUnavailable ||
           reply.status.code() == StatusCode::kDeadlineExceeded;
  }
  const int status = reply.response.status;
  return status == 408 || status == 429 || (status >= 500 && status <= 599);
}

Status HubError(const Hub& hub, const Repo& repo, const std::string& what, const HttpReply& reply) {
  if (!reply.status.ok()) return reply.status.WithPrefix(what);
  const int status = reply.response.status;
  const std::string* code = reply.response.headers.Find("X-Error-Code");
  const std::string answer = what + ": " + hub.endpoint.Authority() + " answers " +
                             std::to_string(status) + " " + std::string(HttpReason(status));
  const std::string token =
      hub.token.empty() ? "give a token of an account that may read it (HF_TOKEN)"
                        : "the token (HF_TOKEN) is of an account that may not read it, or is no "
                          "longer good";
  if (code != nullptr && *code == "GatedRepo") {
    return Unsupported(answer + ": the repository is gated; accept its terms at " +
                       hub.endpoint.Origin() + hub.endpoint.target + repo.UrlPath() + ", and " +
                       (hub.token.empty() ? "give that account's token (HF_TOKEN)"
                                          : "see that the token (HF_TOKEN) is of that account"));
  }
  if (status == 401 || status == 403) {
    return NotFound(answer + ": there is no such repository, or it is private: " + token);
  }
  if (code != nullptr && *code == "RevisionNotFound") {
    return NotFound(answer + ": " + repo.id + " has no revision \"" + repo.revision + "\"");
  }
  if (status == 404) return NotFound(answer + ": there is no such repository, revision or file");
  if (status == 429) {
    return Unavailable(answer + ": it asks to wait" +
                       (AskedPause(reply) > 0
                            ? " " + std::to_string(static_cast<int64_t>(AskedPause(reply))) + " s"
                            : "") +
                       "; try again later, or see --patience");
  }
  return Unavailable(answer);
}

HubClient::HubClient(const Hub& hub, double patience, std::shared_ptr<const CancelToken> cancel)
    : hub_(hub), patience_(patience), cancel_(std::move(cancel)) {}

Url HubClient::FileUrl(const Repo& repo, const std::string& commit, const std::string& path) const {
  return hub_.At(repo.UrlPath() + "/resolve/" + commit + "/" + EncodedPath(path));
}

HttpReply HubClient::FetchOnce(HttpFetch fetch, const Url& url) {
  fetch.url = url;
  fetch.cancel = cancel_;
  fetch.connect_timeout = std::chrono::seconds(10);
  fetch.read_timeout = kReadTimeout;
  fetch.headers.Add("User-Agent", "qed/0.1.0");
  if (hub_.Owns(url) && !hub_.token.empty()) {
    fetch.headers.Add("Authorization", "Bearer " + hub_.token);
  } else {
    fetch.use_netrc = true;
  }
  return client_.Fetch(fetch);
}

HttpReply HubClient::Fetch(HttpFetch fetch, Url& url) {
  for (int hop = 0;; ++hop) {
    HttpReply reply = FetchOnce(fetch, url);
    if (!reply.status.ok() || !IsRedirect(reply.response.status)) return reply;
    const std::string* location = reply.response.headers.Find("Location");
    if (hop == kMaxRedirects || location == nullptr) {
      return {Corrupt(url.Authority() + " redirects without end"), false, {}};
    }
    Result<Url> next = RedirectTarget(url, *location);
    if (!next.ok()) return {Corrupt(next.status().message()), false, {}};
    url = *std::move(next);
  }
}

HttpReply HubClient::FetchPatiently(const HttpFetch& fetch, const Url& url, bool follow) {
  Patience patience(patience_, cancel_);
  while (true) {
    Url at = url;
    HttpReply reply = follow ? Fetch(fetch, at) : FetchOnce(fetch, url);
    if (!IsPassing(reply) || !patience.Wait(reply)) return reply;
  }
}

Result<HubListing> HubClient::List(const Repo& repo) {
  const std::string path =
      repo.ApiPath() + "/revision/" + PercentEncode(repo.revision) + "?blobs=true";
  const std::string what = repo.id + " at revision " + repo.revision;
  const HttpReply reply = FetchPatiently(HttpFetch(), hub_.At(path), /*follow=*/true);
  if (!reply.status.ok() || reply.response.status != 200) return HubError(hub_, repo, what, reply);
  Result<HubListing> listing = ParseListing(reply.response.body);
  if (!listing.ok()) {
    return Corrupt(what + ": the answer of " + hub_.endpoint.Authority() +
                   " is not usable: " + listing.status().message());
  }
  return listing;
}

Status HubClient::Describe(const Repo& repo, const std::string& commit, HubFile& file) {
  HttpFetch fetch;
  fetch.method = "HEAD";
  const std::string what = repo.id + "/" + file.path;
  const HttpReply reply = FetchPatiently(fetch, FileUrl(repo, commit, file.path), /*follow=*/false);
  const bool there = reply.response.status == 200 || IsRedirect(reply.response.status);
  if (!reply.status.ok() || !there) return HubError(hub_, repo, what, reply);
  const HttpHeaders& headers = reply.response.headers;
  const auto first = [&headers](const char* name, const char* other) {
    const std::string* value = headers.Find(name);
    if (value == nullptr) value = headers.Find(other);
    return value == nullptr ? std::string() : *value;
  };
  const bool linked = headers.Find("X-Linked-Size") != nullptr;
  const bool redirect = IsRedirect(reply.response.status);
  const std::string size = redirect && !linked ? "" : first("X-Linked-Size", "Content-Length");
  if (file.size < 0 && !size.empty() && size.find_first_not_of("0123456789") == size.npos) {
    file.size = std::strtoll(size.c_str(), nullptr, 10);
  }
  if (file.digest.empty()) file.digest = PlainEtag(first("X-Linked-Etag", "ETag"));
  if (file.size >= 0 && IsDigest(file.digest)) return OkStatus();
  return Unsupported(what + ": " + hub_.endpoint.Authority() +
                     " tells neither its list nor a HEAD request the file's size and digest, so "
                     "what is fetched could not be checked");
}

}  // namespace qed
