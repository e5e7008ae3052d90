#pragma once

#include <ctype.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/tasks/function_host.h"

namespace millrace {

// Gives a function's module a name of its own, which stands in the command line of its processes
// and of all that they fork.
inline std::string Mark(FunctionCode& code) {
  static int next = 0;
  const std::string mark = absl::StrCat("mark_", getpid(), "_", next++);
  code.handler = mark + ".main_handler";
  return mark;
}

// The processes of this machine, zombies aside, that have `mark` in their command line.
inline std::vector<pid_t> ProcessesWith(const std::string& mark) {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (isdigit(name[0]) == 0 || std::stoi(name) == getpid()) continue;
    std::ifstream file(entry.path() / "cmdline");
    std::ostringstream line;
    line << file.rdbuf();  // fails quietly for one that is gone meanwhile
    if (line.str().find(mark) != std::string::npos) pids.push_back(std::stoi(name));
  }
  return pids;
}

// Whether there are exactly `count` such processes before `patience` is over.
inline bool AwaitProcesses(const std::string& mark, size_t count,
                           std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    if (ProcessesWith(mark).size() == count) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// What stopping a function may take.
constexpr std::chrono::milliseconds kStopMax{2000};

// A handler that has six processes, with the two of each function, which do what they can to stay.
inline constexpr char kClinging[] =
    " import signal, subprocess, time\n"
    " signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    " signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    " mark = os.path.basename(__file__)\n"
    " sleep = [sys.executable, '-c', 'import time; time.sleep(999)', mark]\n"
    " subprocess.Popen(sleep)\n"
    " subprocess.Popen(sleep, start_new_session=True)\n"
    " if os.fork() == 0:\n"
    "  os.setsid()\n"
    "  if os.fork() == 0: time.sleep(999)\n"
    "  os._exit(0)\n"
    " if os.fork() == 0: time.sleep(999)\n";
inline constexpr size_t kClingingProcesses = 6;

}  // namespace millrace
