// A worker for tests that kill it: does the tasks of the queue `items`, with a line in a ledger for
// each, before its result is sent.
//
//   ledger_worker ADDRESS LEDGER
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "service/client/worker.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int ledger = open(argv[2], O_WRONLY | O_APPEND);
  if (ledger < 0) return 1;
  millrace::client::Worker worker(
      {.address = argv[1], .queues = {"items"}, .items_max = 50, .threads = 2},
      [ledger](const millrace::client::Task& task) {
        const std::string line =
            task.execution + " " + task.input + " " + task.idempotency_key + "\n";
        const bool is_written =
            write(ledger, line.data(), line.size()) == static_cast<ssize_t>(line.size());
        if (!is_written) return millrace::client::Outcome::Failed("NoLedger", "cannot be written");
        return millrace::client::Outcome::Done(task.input);
      });
  int signal = 0;
  sigwait(&signals, &signal);
  worker.Stop();
  return 0;
}
