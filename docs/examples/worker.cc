// A worker in C++: it adds up the numbers of `{"values": [...]}`, the tasks of the queue `sum`.
//
//   build/release/service/example_worker [ADDRESS]
//
// A state calls it with {"Type": "Task", "Resource": "queue:sum", ...}. Ctrl-C ends it: what is
// being done is finished first.
#include <signal.h>

#include <cstdio>
#include <sstream>
#include <string>

#include "service/client/worker.h"

namespace {

using millrace::client::Outcome;
using millrace::client::Task;
using millrace::client::Worker;

// For an example, numbers are whatever stands between the brackets.
Outcome Sum(const Task& task) {
  const size_t begin = task.input.find('[');
  const size_t end = task.input.find(']');
  if (begin == std::string::npos || end == std::string::npos) {
    return Outcome::Failed("NoValues", "the input has no list of values");
  }
  std::istringstream values(task.input.substr(begin + 1, end - begin - 1));
  double sum = 0;
  std::string value;
  while (std::getline(values, value, ',')) sum += std::stod(value);
  std::ostringstream output;
  output << sum;
  return Outcome::Done(output.str());
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // in the worker's threads, too
  Worker worker(
      {.address = argc > 1 ? argv[1] : "localhost:7070",
       .queues = {"sum"},
       .on_problem =
           [](const std::string& problem) { std::fprintf(stderr, "%s\n", problem.c_str()); }},
      Sum);
  int signal = 0;
  sigwait(&signals, &signal);
  worker.Stop();
  return 0;
}
