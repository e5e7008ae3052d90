// How Python functions end, and what is left of them: nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/tasks/python_host.h"
#include "tests/tasks/functions.h"
#include "tests/tasks/processes.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// With namespaces where the system has them, and as where it has none.
class PythonEndingTest : public ::testing::TestWithParam<bool> {
 protected:
  PythonHostOptions Options() const { return {.may_isolate = GetParam()}; }
};

INSTANTIATE_TEST_SUITE_P(Isolation, PythonEndingTest, ::testing::Values(true, false),
                         [](const auto& param) { return param.param ? "Allowed" : "Refused"; });

TEST_P(PythonEndingTest, CancelEndsAllThatACallHasStarted) {
  PythonHost host(Options());
  const auto code = MakeHandler(absl::StrCat(kClinging, " time.sleep(999)\n"));
  const std::string mark = Mark(*code);
  std::future<InvocationResult> call = Start(host, code, Json(), {.call_id = "call"});
  ASSERT_TRUE(AwaitProcesses(mark, kClingingProcesses));
  host.Cancel("call");
  EXPECT_EQ(Text(call.get()), "error Function.Cancelled");
  EXPECT_TRUE(AwaitProcesses(mark, 0, kStopMax));
}

TEST_P(PythonEndingTest, NothingOutlivesATimeoutNorAnEndOfItsOwn) {
  PythonHost host(Options());
  const auto slow = MakeHandler(absl::StrCat(kClinging, " time.sleep(999)\n"));
  slow->timeout = absl::Seconds(2);
  const auto ends = MakeHandler(absl::StrCat(kClinging, " os._exit(7)\n"));
  const std::string marks[] = {Mark(*slow), Mark(*ends)};
  EXPECT_EQ(Text(Call(host, ends)), "error Function.ExitError");
  EXPECT_EQ(Text(Call(host, slow)), "error States.Timeout");
  for (const std::string& mark : marks) EXPECT_TRUE(AwaitProcesses(mark, 0, kStopMax));
}

TEST_P(PythonEndingTest, NothingOutlivesAFunctionThatEndsItsSupervisor) {
  if (geteuid() != 0 && !GetParam()) GTEST_SKIP() << "only a user of its own gives it away";
  PythonHost host(Options());
  for (const char* number : {"9", "19"}) {  // kill, stop
    const auto code = MakeHandler(
        absl::StrCat(kClinging, " os.kill(os.getppid(), ", number, ")\n time.sleep(999)\n"));
    code->timeout = absl::Seconds(1);
    const std::string mark = Mark(*code);
    EXPECT_FALSE(Call(host, code).ok());
    EXPECT_TRUE(AwaitProcesses(mark, 0, kStopMax)) << number;
  }
}

TEST_P(PythonEndingTest, NothingOutlivesTheHost) {
  const auto code = MakeHandler(absl::StrCat(kClinging, " return 1\n"));
  const std::string mark = Mark(*code);
  {
    PythonHost host(Options());
    EXPECT_EQ(Text(Call(host, code)), "1");
    EXPECT_TRUE(AwaitProcesses(mark, kClingingProcesses));
  }
  EXPECT_TRUE(AwaitProcesses(mark, 0, kStopMax));
}

// Runs in a process of its own, which is this program once more.
[[noreturn]] void ServeUntilKilled(PythonHostOptions options, const std::string& module) {
  PythonHost host(std::move(options));
  const auto code = MakeHandler(absl::StrCat(kClinging, " return 1\n"));
  code->handler = module + ".main_handler";
  const bool is_served = Text(Call(host, code)) == "1";
  if (is_served && AwaitProcesses(module, kClingingProcesses)) kill(getpid(), SIGKILL);
  _exit(1);
}

TEST_P(PythonEndingTest, NothingOutlivesAKilledServer) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  // That process sees the same environment.
  constexpr char kVariable[] = "MILLRACE_TEST_MARK";
  FunctionCode code;
  setenv(kVariable, Mark(code).c_str(), 0);
  const std::string mark = std::getenv(kVariable);
  EXPECT_EXIT(ServeUntilKilled(Options(), mark), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_TRUE(AwaitProcesses(mark, 0, kStopMax));
  unsetenv(kVariable);
}

TEST_P(PythonEndingTest, CancelDropsACallThatWaits) {
  PythonHost host(Options());
  const auto code = MakeHandler(" import time\n if event == 1: time.sleep(999)\n return event\n");
  std::vector<std::future<InvocationResult>> calls;
  for (int i = 1; i <= 4; ++i) {
    calls.push_back(Start(host, code, Json(i), {.call_id = absl::StrCat("call ", i)}));
  }
  host.Cancel("call 3");
  host.Cancel("no such call");
  host.Cancel("");
  EXPECT_EQ(Text(calls[2].get()), "error Function.Cancelled");
  host.Cancel("call 1");
  EXPECT_EQ(Text(calls[0].get()), "error Function.Cancelled");
  EXPECT_EQ(Text(calls[1].get()), "2");
  EXPECT_EQ(Text(calls[3].get()), "4");
}

TEST_P(PythonEndingTest, AnEndedCallIsNotCancelled) {
  PythonHost host(Options());
  const auto code = MakeHandler(" return os.getpid()\n");
  const std::string pid = Text(Call(host, code, Json(), {.call_id = "call"}));
  host.Cancel("call");
  EXPECT_EQ(Text(Call(host, code, Json(), {.call_id = "call"})), pid);
}

TEST_P(PythonEndingTest, TimeCountsFromWhenACallBeginsToRun) {
  PythonHost host(Options());
  const auto code = MakeHandler(" import time\n time.sleep(0.7)\n return event\n");
  code->timeout = absl::Seconds(2);
  std::vector<std::future<InvocationResult>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(Start(host, code, Json(i)));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Text(calls[i].get()), absl::StrCat(i));
}

TEST_P(PythonEndingTest, AnAnswerOutOfTurnHarmsNobodyElse) {
  for (const char* junk : {"b'x'", "b'\\0\\0\\0\\0'", "b'\\0\\0\\0\\2{}'", "b'\\xff' * 99",
                           "b'\\0\\0\\0\\x10{\"n\":2,\"result\":1}'", "bytes(70000)"}) {
    SCOPED_TRACE(junk);
    PythonHost host(Options());
    const auto code =
        MakeHandler(absl::StrCat(" if event == 1: os.write(4, ", junk, ")\n return event\n"));
    code->timeout = absl::Seconds(2);
    std::vector<std::future<InvocationResult>> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(Start(host, code, Json(i)));
    for (int i = 0; i < 20; ++i) {
      const std::string text = Text(calls[i].get());
      if (i == 1) continue;
      EXPECT_EQ(text, absl::StrCat(i));
    }
  }
}

TEST_P(PythonEndingTest, ShowsNoSourceInTheCommandLine) {
  PythonHost host(Options());
  const auto code = MakeHandler(" return open('/proc/self/cmdline').read()\n");
  EXPECT_THAT(Text(Call(host, code)), Not(HasSubstr("import")));
}

TEST_P(PythonEndingTest, FunctionsOfRootAreShutOutOfEachOther) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give functions users of their own";
  PythonHost host(Options());
  const auto victim = MakeHandler(" return [os.getuid(), os.getgid(), os.getcwd(), os.getpid()]\n");
  const InvocationResult place = Call(host, victim);
  ASSERT_TRUE(place.ok());
  const auto spy = MakeHandler(
      " (uid, gid, folder, pid), data = event\n"
      " assert os.getuid() != uid and os.getgid() != gid\n"
      " seen = []\n"
      " def attempt(what, *arguments):\n"
      "  try: seen.append(str(what(*arguments)))\n"
      "  except OSError: pass\n"
      " attempt(os.listdir, folder)\n"
      " attempt(open, folder + '/module.py')\n"
      " attempt(os.listdir, data)\n"
      " attempt(open, data + '/secret')\n"
      " if pid != 2:\n"  // the same number is itself in its own namespace
      "  attempt(open, f'/proc/{pid}/mem')\n"
      "  attempt(open, '/proc/1/environ')\n"
      "  attempt(os.kill, pid, 9)\n"
      " attempt(os.kill, os.getppid(), 19)\n"
      " return [one for one in seen if one != 'None']\n");
  // As the server keeps its data.
  std::string data = "/tmp/millrace-test-data-XXXXXX";
  ASSERT_NE(mkdtemp(data.data()), nullptr);
  std::ofstream(data + "/secret") << "secret";
  EXPECT_EQ(Text(Call(host, spy, Json::Array({*place, Json(data)}))), "[]");
  EXPECT_TRUE(*Call(host, victim) == *place);
  std::filesystem::remove_all(data);
}

TEST_P(PythonEndingTest, AForkBombOfRootsEnds) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give functions users of their own";
  PythonHost host(Options());
  const auto code = MakeHandler(
      " import time\n"
      " for i in range(1000):\n"
      "  try:\n"
      "   if os.fork() == 0: time.sleep(999)\n"
      "  except BlockingIOError: break\n"
      " return i < 64\n");
  EXPECT_EQ(Text(Call(host, code)), "true");
}

}  // namespace
}  // namespace millrace
