#pragma once

#include <string>

#include "service/server.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace millrace::service {

// Everything that `millrace serve` can be told, by flags or by the environment.
struct ServeConfig {
  std::string listen = "127.0.0.1:7070";
  std::string peer_listen;   // empty: a node alone
  std::string advertise;     // where other nodes reach `peer_listen`
  std::string data_dir;      // of the private cluster; not used with a database_url
  std::string database_url;  // empty: a private PostgreSQL cluster in `data_dir`
  int lanes = 0;             // 0: as many as the machine is good for
  int calls_max = 20'000;
  double shutdown_grace_seconds = 10;
  std::string log_level = "info";  // debug, info, warning, error
};

// Adds the flags of `millrace serve`, which set `config` when `command` is parsed. Each can be
// given as an environment variable too: --database-url as MILLRACE_DATABASE_URL.
void AddServeFlags(CLI::App* command, ServeConfig* config);
// Those of them that say which database it is.
void AddDatabaseFlags(CLI::App* command, ServeConfig* config);

// The listener that `config` describes.
ServerOptions ServerOptionsOf(const ServeConfig& config);

// /var/lib/millrace for root, else ~/.local/share/millrace.
std::string DefaultDataDir();

}  // namespace millrace::service
