#include "service/config.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "service/listen.h"

namespace millrace::service {
namespace {

// Adds --name, and MILLRACE_NAME of the environment.
template <typename T>
CLI::Option* AddFlag(CLI::App* command, const std::string& name, T* value,
                     const std::string& help) {
  return command->add_option(absl::StrCat("--", name), *value, help)
      ->envname(absl::StrCat("MILLRACE_",
                             absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}}))));
}

CLI::Option* AddAddressFlag(CLI::App* command, const std::string& name, std::string* address,
                            const std::string& help) {
  return AddFlag(command, name, address, help)->check(ListenProblem)->type_name("HOST:PORT");
}

}  // namespace

std::string DefaultDataDir() {
  if (geteuid() == 0) return "/var/lib/millrace";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    const passwd* user = getpwuid(geteuid());
    home = user == nullptr ? "." : user->pw_dir;
  }
  return absl::StrCat(home, "/.local/share/millrace");
}

void AddDatabaseFlags(CLI::App* command, ServeConfig* config) {
  config->data_dir = DefaultDataDir();
  CLI::Option* data_dir =
      AddFlag(command, "data-dir", &config->data_dir,
              "Folder of the private PostgreSQL cluster, which is made when there is none")
          ->type_name("DIR")
          ->capture_default_str();
  AddFlag(command, "database-url", &config->database_url,
          "PostgreSQL database to use in place of a private cluster")
      ->type_name("URL")
      ->excludes(data_dir);
}

void AddServeFlags(CLI::App* command, ServeConfig* config) {
  AddAddressFlag(command, "listen", &config->listen, "Address of the API; port 0 is any free one")
      ->capture_default_str();
  CLI::Option* peer_listen = AddAddressFlag(command, "peer-listen", &config->peer_listen,
                                            "Address for the other nodes of this database");
  AddAddressFlag(command, "advertise", &config->advertise, "Where other nodes reach --peer-listen")
      ->needs(peer_listen);
  AddDatabaseFlags(command, config);
  AddFlag(command, "lanes", &config->lanes, "Event loops; 0 for as many as the machine is good for")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  AddFlag(command, "calls-max", &config->calls_max, "API calls under way at once")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  AddFlag(command, "shutdown-grace", &config->shutdown_grace_seconds,
          "Seconds that calls have to end when the server stops")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  AddFlag(command, "log-level", &config->log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
}

ServerOptions ServerOptionsOf(const ServeConfig& config) {
  ServerOptions options;
  options.listen = config.listen;
  options.calls.calls_max = config.calls_max;
  return options;
}

}  // namespace millrace::service
