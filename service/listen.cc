#include "service/listen.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace millrace::service {
namespace {

struct HostAndPort {
  std::string host;  // without brackets
  std::string port;
};

std::optional<HostAndPort> Split(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  absl::string_view host = address.substr(0, colon);
  const absl::string_view port = address.substr(colon + 1);
  const bool in_brackets = absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  if (in_brackets) host = host.substr(1, host.size() - 2);
  if (host.empty() || (!in_brackets && absl::StrContains(host, ":"))) return std::nullopt;
  int number = 0;
  const bool is_number = !port.empty() && port.size() <= 5 &&
                         std::all_of(port.begin(), port.end(), absl::ascii_isdigit) &&
                         absl::SimpleAtoi(port, &number);
  if (!is_number || number > 65535) return std::nullopt;
  return HostAndPort{.host = std::string(host), .port = std::string(port)};
}

// 0, or why nobody can listen there.
int TryToListen(const addrinfo& info) {
  const int fd = socket(info.ai_family, info.ai_socktype | SOCK_CLOEXEC, info.ai_protocol);
  if (fd < 0) return errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const bool done = bind(fd, info.ai_addr, info.ai_addrlen) == 0 && listen(fd, 1) == 0;
  const int error = done ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace

std::string ListenProblem(const std::string& address) {
  if (Split(address).has_value()) return "";
  return absl::StrCat("is HOST:PORT with a port from 0 to 65535, as in 127.0.0.1:7070, not '",
                      address, "'");
}

absl::Status CheckCanListen(const std::string& address) {
  const std::optional<HostAndPort> parts = Split(address);
  if (!parts.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("the address ", ListenProblem(address)));
  }
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &found);
      error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  int error = 0;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    error = TryToListen(*info);
    if (error == 0) return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address, ": ", std::strerror(error)));
}

}  // namespace millrace::service
